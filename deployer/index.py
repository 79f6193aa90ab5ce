"""The index beside the DAG files: which files an apply left there, so that one removed by hand is known to be missing.

It is a cache. The records in the DAG files are the state; without the index, a file that is gone merely looks new.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from deployer.targets import MovedError, Target

INDEX_FORMAT = 1
_ATTEMPTS = 20


def index_file(project: str, environment: str) -> str:
    """The index's name: one for each owner, so that two projects at one target never write the same one."""
    return f".mfdeploy.{project}.{environment}.json"


def read_index(target: Target, project: str, environment: str) -> Mapping[str, str]:
    """Addresses by file, as the last apply left them; empty when there is no index, or none that can be read."""
    return _read(target, index_file(project, environment))[0]


def update_index(target: Target, project: str, environment: str, changes: Mapping[str, str | None]) -> None:
    """Note the files that were written (their address) and deleted (None). Raises TargetError.

    Another apply may be writing the index too: then the changes are made again to what it wrote.
    """
    file = index_file(project, environment)
    for attempt in range(_ATTEMPTS):
        entries, version = _read(target, file)
        merged = {**entries, **changes}
        kept = {name: address for name, address in sorted(merged.items()) if address is not None}
        if kept == entries and version is not None:
            return
        text = json.dumps({"format": INDEX_FORMAT, "dags": kept}, indent=1) + "\n"
        try:
            if version is None:
                target.create(file, text.encode())
            else:
                target.replace(file, text.encode(), version)
            return
        except MovedError:
            if attempt == _ATTEMPTS - 1:
                raise


def _read(target: Target, file: str) -> tuple[dict[str, str], str | None]:
    try:
        content, version = target.read(file)
    except MovedError:
        return {}, None
    return _entries(content), version


def _entries(content: bytes) -> dict[str, str]:
    try:
        data: Any = json.loads(content)
    except ValueError:
        return {}
    if not isinstance(data, dict) or data.get("format") != INDEX_FORMAT or not isinstance(data.get("dags"), dict):
        return {}
    return {str(name): address for name, address in data["dags"].items() if isinstance(address, str)}
