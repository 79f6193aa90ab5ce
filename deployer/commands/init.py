"""mfdeploy init: find the flows below a folder and write a first manifest for them."""

from __future__ import annotations

import ast
import json
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deployer.errors import DeployError, Diagnostic

_MANIFEST = Path("deployments") / "mfdeploy.yaml"
_SKIPPED = {"node_modules", "venv", "site-packages", "build", "dist", "__pycache__"}
_HEAD = """\
# What is deployed where. Try: mfdeploy plan
version: 1
project: {project}

environments:
  local:                          # a laptop: each step is a process on the Airflow worker
    target: ../build/dags         # where DAG files are published
    compute: local
    datastore: ../build/metaflow

flows:
"""


@dataclass(frozen=True)
class InitResult:
    """The path and the text of the new manifest, and the names of its flows."""

    manifest: Path
    text: str
    flows: Sequence[str]


def init(folder: Path) -> InitResult:
    """Write ``deployments/mfdeploy.yaml`` below `folder`, with one entry for each FlowSpec class found there.

    Flow files are parsed, never run. Raises DeployError if the manifest exists or if there is no flow.
    """
    manifest = folder / _MANIFEST
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise DeployError(Diagnostic("bad-path", f"{folder} {problem}"))
    if manifest.exists():
        hint = "edit it, or remove it and run init again"
        raise DeployError(Diagnostic("exists", f"{manifest} already exists", hint=hint))
    found = list(_find_flows(folder))
    if not found:
        hint = "a flow is a class that derives from metaflow.FlowSpec"
        raise DeployError(Diagnostic("no-flows", f"no flow was found below {folder}", hint=hint))
    entries = _name(found)
    text = _HEAD.format(project=_project(folder)) + "".join(map(_entry, entries, entries.values()))
    try:
        manifest.parent.mkdir(parents=True, exist_ok=True)
        with manifest.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise DeployError(Diagnostic("write", f"{manifest}: {error.strerror}")) from error
    return InitResult(manifest, text, list(entries))


def _find_flows(folder: Path) -> Iterator[tuple[Path, str, bool]]:
    """Each flow as (file relative to `folder`, class, whether its file has other flows too), sorted by path."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        for file in sorted(files):
            path = Path(parent) / file
            if path.suffix == ".py" and not path.is_symlink():
                classes = _flow_classes(path)
                yield from ((path.relative_to(folder), name, len(classes) > 1) for name in classes)


def _flow_classes(path: Path) -> list[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [node.name for node in tree.body if isinstance(node, ast.ClassDef) and any(map(_is_flow_spec, node.bases))]


def _is_flow_spec(base: ast.expr) -> bool:
    return (isinstance(base, ast.Name) and base.id == "FlowSpec") or (
        isinstance(base, ast.Attribute) and base.attr == "FlowSpec"
    )


def _name(found: Sequence[tuple[Path, str, bool]]) -> Mapping[str, Mapping[str, str]]:
    """The settings of each flow by its name in the manifest: the class name, with a number if it is taken."""
    entries: dict[str, Mapping[str, str]] = {}
    for path, class_name, shared in found:
        name, number = class_name, 1
        while name in entries:
            number += 1
            name = f"{class_name}-{number}"
        entry = {"file": f"../{path.as_posix()}"}
        if shared:
            entry["class"] = class_name
        if name != class_name:
            # By default a DAG is named after the class: without this, both flows would be the same DAG.
            entry["dag_id"] = name
        entries[name] = entry
    return entries


def _entry(name: str, settings: Mapping[str, str]) -> str:
    return f"  {name}:\n" + "".join(f"    {key}: {_text(value)}\n" for key, value in settings.items())


def _text(value: str) -> str:
    # A JSON string is also a valid YAML string.
    return value if re.fullmatch(r"[A-Za-z0-9_./-]+", value) else json.dumps(value)


def _project(folder: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-")
    return name if re.match(r"[A-Za-z]", name) else "flows"
