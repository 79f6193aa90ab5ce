"""A record as data: what a deployed file and the index hold."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from deployer.models.description import to_json
from deployer.models.format_1 import upgrade_record
from deployer.models.reading import adapter, read_model
from deployer.models.record import RECORD_FORMAT, Record


def to_data(record: Record) -> dict[str, Any]:
    """A record as data for JSON."""
    values = adapter(Record).dump_python(record, mode="json", exclude={"description"})
    values["description"] = to_json(record.description)
    return {each.name: values[each.name] for each in fields(record) if values[each.name] is not None}


def from_data(values: object) -> Record:
    """A record from its data, in this format or an older one. Raises ReadingError for what is not a record."""
    return read_model(Record, values, RECORD_FORMAT, {1: upgrade_record})
