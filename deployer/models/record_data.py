"""A record as data: what a deployed file and the index hold."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from deployer.models.description import to_json
from deployer.models.format_1 import upgrade_record
from deployer.models.reading import read_model
from deployer.models.record import RECORD_FORMAT, Record


def to_data(record: Record) -> dict[str, Any]:
    """A record as data for JSON."""
    values = {
        "owner": record.owner,
        "environment": record.environment,
        "address": record.address,
        "name": record.name,
        "description": to_json(record.description),
        "body_digest": record.body_digest,
        "since": record.since,
        "provenance": asdict(record.provenance) if record.provenance else None,
        "inputs": asdict(record.inputs) if record.inputs else None,
        "format": record.format,
    }
    return {key: value for key, value in values.items() if value is not None}


def from_data(values: object) -> Record:
    """A record from its data, in this format or an older one. Raises ReadingError for what is not a record."""
    return read_model(Record, values, RECORD_FORMAT, {1: upgrade_record})
