"""Regular expressions, in time that is linear in the text.

CEL's are those of RE2. Python's own module takes time that is exponential in the text for some of them, so pydantic's
engine is used, the Rust crate `regex`, which has RE2's syntax and limits what a pattern may need.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from pydantic_core import SchemaError, SchemaValidator, core_schema

MAX_PATTERN: Final = 1_000


class PatternError(Exception):
    """The text is not a regular expression that can be used."""


@lru_cache(maxsize=256)
def compiled(pattern: str) -> SchemaValidator:
    """What finds a pattern anywhere in a text: `isinstance_python(text)`. Raises PatternError."""
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"the pattern has {len(pattern):,} characters, at most {MAX_PATTERN:,} are read")
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex", strict=True))
    except SchemaError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = next((line for line in reversed(lines) if line.startswith("error:")), lines[-1])
        raise PatternError(f"{pattern!r} is not a regular expression: {reason.removeprefix('error: ')}") from error


def finds(pattern: str, text: str) -> bool:
    """Whether a pattern is found anywhere in a text. Raises PatternError."""
    return bool(compiled(pattern).isinstance_python(text))
