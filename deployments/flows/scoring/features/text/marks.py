"""Marks of excitement."""


def count_marks(sentence: str) -> int:
    """How many exclamation and question marks there are."""
    return sum(sentence.count(mark) for mark in "!?")
