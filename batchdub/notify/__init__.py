"""Telling others that a run began and how it ended; what fails here is no failure of the run."""

from batchdub.notify.hooks import Hooks, tell_begin, tell_end, tell_test
from batchdub.notify.message import Message

__all__ = ["Hooks", "Message", "tell_begin", "tell_end", "tell_test"]
