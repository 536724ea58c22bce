"""The sandbox: a stand-in for the API that keeps books of what it accepted and injects faults.

It answers as API.md says the real one does, so that a whole night can be rehearsed without
money; its books say how often each row was really ordered.
"""
