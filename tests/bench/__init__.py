"""What batchdub costs, measured: run by hand as `python -m tests.bench`, never by pytest."""
