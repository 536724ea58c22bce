"""A rehearsal: tonight's manifest at a stand-in API with faults, far from the real one.

Everything stands in a private folder of its own. The sandbox is a process, each run is a process
of the true program that may be killed, and the sandbox's books, not the ledger, are the judge.
"""
