"""A record as JSON values, as deployed files and the index contain it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from deployer.models.description import canonical_json
from deployer.models.format_1 import upgrade_record
from deployer.models.reading import adapter, read_model
from deployer.models.record import RECORD_FORMAT, Record


def to_data(record: Record) -> dict[str, Any]:
    """A record as JSON values: the same text for the same record. Values of users keep the order of their keys."""
    values = adapter(Record).dump_python(record, mode="json", exclude={"description"})
    values["description"] = canonical_json(record.description)
    if record.provenance is not None:
        values["provenance"] = dict(sorted(values["provenance"].items()))
    if record.inputs is not None:
        parameters = dict(sorted(values["inputs"]["parameters"].items()))
        values["inputs"] = dict(sorted({**values["inputs"], "parameters": parameters}.items()))
    return {each.name: values[each.name] for each in fields(record) if values[each.name] is not None}


def from_data(values: object) -> Record:
    """A record from JSON values of this format or an older one. Raises ReadingError."""
    return read_model(Record, values, RECORD_FORMAT, {1: upgrade_record})
