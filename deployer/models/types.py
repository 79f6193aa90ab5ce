"""The types of fields that the models share: strict where pydantic would convert, and small where they are read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Strict

from deployer.models.plain_data import is_name

Item = TypeVar("Item")


def _check_name(text: str) -> str:
    if not is_name(text):
        raise ValueError("it holds half of a character")
    return text


def _check_moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("it has no timezone")
    return text


Name = Annotated[str, AfterValidator(_check_name)]
"""A text that can be written to any file."""

Moment = Annotated[Name, AfterValidator(_check_moment)]
"""A time in ISO 8601 with its timezone."""

Whole = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]

# Of a list only the first problem is reported: a million of them would be collected before anybody reads one.
Several = Annotated[tuple[Item, ...], Strict(False), FailFast()]

EXACT = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True, defer_build=True)
"""The configuration of a pydantic dataclass that is written as JSON and read again: no key more, none left out."""


class FrozenModel(BaseModel):
    """A model that cannot be changed, without unknown keys and without conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
