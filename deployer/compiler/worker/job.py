"""One job of the helper: a deployment as far as Metaflow needs to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """What to compile and how. `mode` is ``describe``, ``package`` (built only) or ``upload`` (built and stored).

    `config_files` are absolute paths, `base` the folder of the manifest that relative paths in `parameters` start at.
    `dag_id` is what the DAG is called in Airflow, empty where its runs get no production token; `production_token` is
    the one that its runs have already, empty where that is not known.
    With `note_inputs` the answer says what the description was made from; `known` are such notes of an earlier time:
    while nothing that they name has changed, the flow is not described again.
    `settings` are the METAFLOW_* values that tasks get; `service_given` says that they name a metadata service.
    """

    id: str
    mode: str
    dag_id: str
    production_token: str
    file: str
    base: str
    class_name: str | None
    compute: str
    datastore_type: str
    datastore_root: str
    datastore_setting: str
    production: bool
    branch: str
    owner: str
    decorators: tuple[str, ...]
    retries: tuple[int, float] | None
    package_environment: str
    package_suffixes: tuple[str, ...]
    parameters: Mapping[str, Any]
    config_values: Mapping[str, Any]
    config_files: Mapping[str, str]
    kubernetes: Mapping[str, Any]
    steps: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, str]
    note_inputs: bool
    known: Mapping[str, Any] | None

    @property
    def path(self) -> Path:
        return Path(self.file)

    @property
    def datastore_url(self) -> str:
        """The root as a manifest has it: Metaflow writes that of Azure without a scheme."""
        return f"azure://{self.datastore_root}" if self.datastore_type == "azure" else self.datastore_root

    @property
    def on_kubernetes(self) -> bool:
        return self.compute == "kubernetes"


def read_job(data: Mapping[str, Any]) -> Job:
    """A job from its JSON form. Raises TypeError for a key too many or too few: both sides are one version."""
    names = {field.name for field in fields(Job)}
    if names != set(data):
        raise TypeError(f"bad job: {sorted(names ^ set(data))}")
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
    return Job(**values)
