"""The report as one HTML file: what it shows, how that is drawn, and the file itself."""

from batchdub.report.page.writing import Page, Told, write_page

__all__ = ["Page", "Told", "write_page"]
