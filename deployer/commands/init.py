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
    """The manifest that was written, its text, and the names that the flows got."""

    manifest: Path
    text: str
    flows: Sequence[str]


def init(folder: Path) -> InitResult:
    """Write ``deployments/mfdeploy.yaml`` below `folder`, with one entry for each FlowSpec class found there.

    Flow files are parsed, never run. Raises DeployError when the manifest exists, or when there is no flow.
    """
    manifest = folder / _MANIFEST
    if not folder.is_dir():
        there = "is not a folder" if folder.exists() else "does not exist"
        raise DeployError(Diagnostic("bad-path", f"{folder} {there}"))
    if manifest.exists():
        hint = "edit it, or remove it and run init again"
        raise DeployError(Diagnostic("exists", f"{manifest} is there already", hint=hint))
    found = list(_find_flows(folder))
    if not found:
        hint = "a flow is a class that derives from metaflow.FlowSpec"
        raise DeployError(Diagnostic("no-flows", f"no flow was found below {folder}", hint=hint))
    entries = _name(found)
    text = _HEAD.format(project=_project(folder)) + "".join(_entry(name, *place) for name, place in entries.items())
    try:
        manifest.parent.mkdir(parents=True, exist_ok=True)
        with manifest.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise DeployError(Diagnostic("write", f"{manifest}: {error.strerror}")) from error
    return InitResult(manifest, text, list(entries))


def _find_flows(folder: Path) -> Iterator[tuple[Path, str, bool]]:
    """Each flow as (file relative to `folder`, class, whether the file holds others too), in order of their paths."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        for file in sorted(files):
            path = Path(place) / file
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


def _name(found: Sequence[tuple[Path, str, bool]]) -> Mapping[str, tuple[Path, str | None]]:
    """A manifest name for each flow: its class, with a number where two files use the same one."""
    names: dict[str, tuple[Path, str | None]] = {}
    for path, class_name, shared in found:
        name, number = class_name, 1
        while name in names:
            number += 1
            name = f"{class_name}-{number}"
        names[name] = (path, class_name if shared else None)
    return names


def _entry(name: str, path: Path, class_name: str | None) -> str:
    lines = [f"  {name}:", f"    file: {_text('../' + path.as_posix())}"]
    if class_name:
        lines.append(f"    class: {class_name}")
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    # JSON text is YAML text: what needs quotes gets them, and is escaped as both understand it.
    return value if re.fullmatch(r"[A-Za-z0-9_./-]+", value) else json.dumps(value)


def _project(folder: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-")
    return name if re.match(r"[A-Za-z]", name) else "flows"
