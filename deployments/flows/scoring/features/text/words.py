"""Words of a sentence."""


def count_words(sentence: str) -> int:
    """How many words there are between blanks."""
    return len(sentence.split())
