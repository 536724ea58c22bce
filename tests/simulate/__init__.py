"""A night on a virtual clock, under a seeded adversary; `python -m tests.simulate --seeds 500`.

The whole program runs: manifests, real ledgers on disk, the real client, over a transport without
sockets to the sandbox's provider. Everything that can go wrong goes wrong, as the seed decides,
and the provider's own books are held against the ledger afterwards.
"""
