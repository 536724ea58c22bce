"""Who we are to the API: its address, our keys, and a key of somebody else's account."""

from __future__ import annotations

from batchdub.redact import Secret

BASE_URL = "https://api.example.com/api"
KEYS = (Secret("planted-key-first"), Secret("planted-key-second"))
"""Of one account: the second replaces the first."""
OTHER_KEY = Secret("planted-key-of-another-account")
