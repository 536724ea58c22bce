"""What is handed to someone else who is to look at a ledger: enough to understand, no secrets."""

from batchdub.support.bundle import Part, gather, readme, zipped
from batchdub.support.cutting import Cutter
from batchdub.support.names import Names
from batchdub.support.writing import write_new

__all__ = ["Cutter", "Names", "Part", "gather", "readme", "write_new", "zipped"]
