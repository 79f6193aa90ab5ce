"""Types of fields that models share: strict, and with short errors for large input."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Strict

from deployer.models.plain_data import is_encodable

Item = TypeVar("Item")


def _check_name(text: str) -> str:
    if not is_encodable(text):
        raise ValueError("it contains an unpaired surrogate character")
    return text


def _check_moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("it has no timezone")
    return text


Name = Annotated[str, AfterValidator(_check_name)]
"""A string that can be written as UTF-8."""

Moment = Annotated[Name, AfterValidator(_check_moment)]
"""A time in ISO 8601 with its timezone."""

# Only the first problem in a list is reported: collecting a million of them would take too long.
Several = Annotated[tuple[Item, ...], Strict(False), FailFast()]

EXACT = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True, defer_build=True)
"""The configuration of a pydantic dataclass for JSON: unknown keys are refused, and every key is written."""


class FrozenModel(BaseModel):
    """A frozen model that refuses unknown keys and does not convert types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
