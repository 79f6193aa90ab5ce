"""mfdeploy init: a first manifest for the flows below a folder, or the flows that the manifests there do not list."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deployer.commands.schema import schema
from deployer.compiler.flow_files import flow_classes, flow_files
from deployer.context import Context
from deployer.errors import DeployError, Diagnostic
from deployer.manifest.insert import Flows, entries_text, insert_flows, scalar
from deployer.manifest.listed import ListedFlows, read_listed
from deployer.models.regular_file import NOT_REGULAR, open_regular, read_regular
from deployer.vcs.repository import ignored_files

_FOLDER = Path("deployments")
_MANIFEST, _ADDED, _SCHEMA = "mfdeploy.yaml", "flows.yaml", "mfdeploy.schema.json"
_IGNORED = "build"
_MOST_IGNORED = 1_000_000  # bytes of a .gitignore
_COMMENT = f"# yaml-language-server: $schema={_SCHEMA}\n"
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
    """The manifest with the new flows, their names, and the files that were written beside it.

    `is_new` says that there was no manifest. `old_schema` is a schema of another mfdeploy that was left as it is.
    """

    manifest: Path
    flows: Sequence[str]
    is_new: bool
    schema: Path | None = None
    old_schema: Path | None = None
    gitignore: Path | None = None


@dataclass(frozen=True)
class _Found:
    """A flow class in a file, and whether the file has other flows too."""

    file: Path
    class_name: str
    is_one_of_several: bool


def init(folder: Path, context: Context) -> InitResult:
    """Write ``deployments/mfdeploy.yaml`` below `folder`, with one entry for each FlowSpec class found there.

    If there are manifests, flows that they do not list are added to one of them; nothing else in it changes. Flow files
    are parsed, never run. Raises DeployError if there is no flow, or if the manifests cannot be read.
    """
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise DeployError(Diagnostic("bad-path", f"{folder} {problem}"))
    _check_ignored(folder / ".gitignore")
    found = _find_flows(folder, context)
    if not found:
        hint = "a flow is a class that derives from metaflow.FlowSpec"
        raise DeployError(Diagnostic("no-flows", f"no flow was found below {folder}", hint=hint))
    manifests = folder / _FOLDER
    listed = read_listed(manifests) if manifests.is_dir() else None
    manifest, flows = _add(found, listed, manifests) if listed else _write_first(found, folder)
    is_new, old = _write_schema(manifests / _SCHEMA)
    return InitResult(
        manifest,
        flows,
        is_new=listed is None,
        schema=manifests / _SCHEMA if is_new else None,
        old_schema=manifests / _SCHEMA if old else None,
        gitignore=_ignore_build(folder, context),
    )


def _find_flows(folder: Path, context: Context) -> list[_Found]:
    classes = {path: flow_classes(path) for path in flow_files(folder)}
    paths = [path for path, names in classes.items() if names]
    ignored = ignored_files(context.git, folder, [path.relative_to(folder) for path in paths]) or set()
    return [
        _Found(path, name, len(classes[path]) > 1)
        for path in paths
        if path.relative_to(folder) not in ignored
        for name in classes[path]
    ]


def _write_first(found: Sequence[_Found], folder: Path) -> tuple[Path, Sequence[str]]:
    manifest = folder / _FOLDER / _MANIFEST
    flows = _name(found, manifest.parent, ())
    text = _COMMENT + _HEAD.format(project=_project(folder)) + entries_text(flows)
    _write(manifest, text.encode(), new=True)
    return manifest, list(flows)


def _add(found: Sequence[_Found], listed: ListedFlows, folder: Path) -> tuple[Path, Sequence[str]]:
    """Add the flows that are not listed."""
    unlisted = [each for each in found if not listed.lists(each.file, each.class_name)]
    manifest = next((path for path in listed.files if path == folder / _MANIFEST), listed.files[0])
    flows = _name(unlisted, manifest.parent, listed.names)
    if not flows:
        return manifest, []
    data = manifest.read_bytes()
    text = insert_flows(data.decode("utf-8-sig"), flows)
    if text is None:
        # Written in a way that lines cannot be added to: another file may have the rest.
        manifest = folder / _ADDED
        _write(manifest, (_COMMENT + f"flows:\n{entries_text(flows)}").encode(), new=True)
        return manifest, list(flows)
    if "yaml-language-server:" not in text and not text.startswith("%"):
        text = _COMMENT.replace("\n", "\r\n" if "\r\n" in text else "\n") + text
    bom = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    _write(manifest, bom + text.encode(), new=False)
    return manifest, list(flows)


def _write_schema(path: Path) -> tuple[bool, bool]:
    """Whether the schema was written, and whether another one is there, which is left."""
    text = json.dumps(schema("manifest"), indent=2) + "\n"
    if os.path.lexists(path):
        return False, not _holds(path, text)
    _write(path, text.encode(), new=True)
    return True, False


def _holds(path: Path, text: str) -> bool:
    try:
        return path.is_file() and path.read_bytes() == text.encode()
    except OSError:
        return False


def _check_ignored(path: Path) -> None:
    """Refuse a .gitignore that is a link, which may lead anywhere, or a pipe, for which git would wait."""
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        raise _cannot_write(path, OSError(errno.EINVAL, NOT_REGULAR))


def _ignore_build(folder: Path, context: Context) -> Path | None:
    """Add ``build/`` to .gitignore, unless git ignores it already or does not know the folder."""
    path = folder / ".gitignore"
    ignored = ignored_files(context.git, folder, [Path(_IGNORED, "dags")])
    if ignored is None or ignored:
        return None
    try:
        before = read_regular(path, _MOST_IGNORED) if path.exists() else b""
        end = b"\n" if before and not before.endswith(b"\n") else b""
        with open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW) as stream:
            stream.write(end + f"{_IGNORED}/\n".encode())
    except OSError as error:
        raise _cannot_write(path, error) from error
    return path


def _write(path: Path, data: bytes, *, new: bool) -> None:
    """Write a file whole or not at all. Raises DeployError, also for a new file that is there."""

    def create() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            stream.write(data)

    def replace() -> None:
        beside = path.resolve().with_name(f".{path.name}.{os.getpid()}")
        beside.write_bytes(data)
        beside.chmod(path.stat().st_mode)
        beside.replace(path.resolve())

    write: Callable[[], None] = create if new else replace
    try:
        write()
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> DeployError:
    return DeployError(Diagnostic("write", f"{path}: {error.strerror}"))


def _name(found: Sequence[_Found], base: Path, taken: Sequence[str]) -> Flows:
    """The settings of each flow by its name in the manifest: the class name, with a number if it is taken."""
    entries: dict[str, Mapping[str, str]] = {}
    for each in found:
        name, number = each.class_name, 1
        while name in entries or name in taken:
            number += 1
            name = f"{each.class_name}-{number}"
        entry = {"file": Path(os.path.relpath(each.file, base)).as_posix()}
        if each.is_one_of_several:
            entry["class"] = each.class_name
        if name != each.class_name:
            # By default a DAG is named after the class: without this, both flows would be the same DAG.
            entry["dag_id"] = name
        entries[name] = entry
    return entries


def _project(folder: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-")
    return scalar(name) if re.match(r"[A-Za-z]", name) else "flows"
