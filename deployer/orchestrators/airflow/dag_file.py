"""What a DAG file at a target holds: ours with its record, one of Metaflow's own command, or somebody else's."""

from __future__ import annotations

from deployer.models.desired import Deployed
from deployer.orchestrators.airflow import native_dag, record


def read(file: str, content: bytes, version: str) -> Deployed:
    """What a file at a target holds. Nothing of it is run, and nothing in it makes this raise."""
    try:
        text = content.decode()
        found = record.read(text)
    except UnicodeDecodeError:
        return Deployed(file, version, None, problem=f"{file} is there already and is not text in UTF-8")
    except record.RecordError as error:
        later = isinstance(error, record.LaterRecordError)
        return Deployed(file, version, None, problem=f"{file} cannot be read as one of ours: {error}", later=later)
    if found is None:
        return Deployed(file, version, None, native=native_dag.read(text))
    return Deployed(file, version, found[0], intact=found[1])
