"""Digests of text."""

from __future__ import annotations

import hashlib


def digest_text(text: str) -> str:
    """SHA-256 (hex) of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()
