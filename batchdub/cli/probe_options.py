"""Looking at media ahead of the orders: the options of it."""

from __future__ import annotations

from batchdub.cli.options import option

probe_option = option(
    "--probe",
    is_flag=True,
    help="Ask the media's servers, free of charge, whether they have what is to be ordered.",
)
reorder_changed_option = option(
    "--reorder-changed",
    is_flag=True,
    help="Probe, and order every row anew that is done and whose media changed since it was"
    " ordered; what was made stays.",
)
