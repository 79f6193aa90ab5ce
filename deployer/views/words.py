"""Words that every view uses, whatever it shows."""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """``1 flow``, ``2 flows``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
