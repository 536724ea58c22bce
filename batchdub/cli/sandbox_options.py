"""How the sandbox shall behave: the options that `sandbox` and `run --sandbox` share."""

from __future__ import annotations

import click

from batchdub.cli.options import option, parsed


def _parse_fault(text: str) -> object:
    from batchdub.sandbox.faults import parse_fault  # noqa: PLC0415  for sandboxes only

    return parse_fault(text)


fault_option = option(
    "--fault",
    "faults",
    multiple=True,
    type=parsed("fault", _parse_fault),
    metavar="KIND=P[:TIME]",
    help="Make something go wrong with probability P; can be given for several kinds: "
    "drop-before, drop-after, error-before, error-after, gateway-before, gateway-after, "
    "junk-after, list-error, fail, output-drop, output-expired, output-page, and throttle, late,"
    " slow, list-lag, output-slow, output-lapse, which take a time as well.",
)
tokens_option = option(
    "--tokens",
    type=click.IntRange(min=0),
    metavar="N",
    help="Orders until the sandbox's token limit.",
)
seed_option = option(
    "--seed",
    type=int,
    metavar="N",
    default=0,
    help="What is hit by faults; the same seed, the same rows.",
)
