"""What is looked at in a sentence."""

from features.text.marks import count_marks
from features.text.words import count_words


def score(sentence: str) -> int:
    """One point for each word, ten for each mark of excitement."""
    return count_words(sentence) + 10 * count_marks(sentence)
