"""Choosing rows by their columns, their reference_id and their state."""

from batchdub.select.choosing import Choosing
from batchdub.select.grammar import Pattern, Selector, as_value, parse_selection

__all__ = ["Choosing", "Pattern", "Selector", "as_value", "parse_selection"]
