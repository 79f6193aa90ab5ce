"""Reads a file at a target: a DAG file of mfdeploy with its record, one of Metaflow's own command, or another file."""

from __future__ import annotations

from deployer.models.desired import Deployed
from deployer.orchestrators.airflow import native_dag, record


def read(file: str, content: bytes, version: str) -> Deployed:
    """The content of a file at a target. The file is never executed, and no content makes this function raise."""
    try:
        text = content.decode()
        found = record.read(text)
    except UnicodeDecodeError:
        return Deployed(file, version, None, problem=f"{file} exists already and is not UTF-8 text")
    except record.RecordError as error:
        later = isinstance(error, record.LaterRecordError)
        return Deployed(file, version, None, problem=f"{file} cannot be read: {error}", later=later)
    if found is None:
        return Deployed(file, version, None, native=native_dag.read(text))
    return Deployed(file, version, found[0], intact=found[1])
