"""Reports: the ledger's jobs as rows for people, spreadsheets and scripts.

Rows stream through, so a report of a million rows needs no more memory than one of ten.
"""

from batchdub.report.fields import REPORT_COLUMNS, report_row, shown_names
from batchdub.report.formats import FORMATS, write_report, write_rows
from batchdub.report.output import open_output

__all__ = [
    "FORMATS",
    "REPORT_COLUMNS",
    "open_output",
    "report_row",
    "shown_names",
    "write_report",
    "write_rows",
]
