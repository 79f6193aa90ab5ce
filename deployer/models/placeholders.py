"""What a plan shows in the place of values that only an apply knows."""

from __future__ import annotations

KNOWN_AT_APPLY = "(known at apply)"
"""The value of a parameter's default that is a function, which only an apply evaluates."""
