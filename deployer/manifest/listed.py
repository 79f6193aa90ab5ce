"""Which flows the manifests of a folder list, whatever else is in them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from deployer.errors import DeployError
from deployer.manifest.documents import read_documents
from deployer.manifest.files import find_files, shown
from deployer.manifest.nodes import Entry, Map, Report, is_text

_REFERENCE = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True)
class ListedFlows:
    """The manifest files, the names of the flows, and the file (a pattern, if it has a variable) and class of each."""

    files: Sequence[Path]
    names: Sequence[str]
    flows: Sequence[tuple[str, str | None]]

    def lists(self, file: Path, class_name: str) -> bool:
        """Whether a flow lists this class of a file; a flow without a class lists each class of its file."""
        real = os.path.realpath(file)
        return any(fnmatchcase(real, pattern) and known in (None, class_name) for pattern, known in self.flows)


def read_listed(folder: Path) -> ListedFlows | None:
    """The flows that are listed; None if the folder has no manifest. Raises DeployError if one cannot be read."""
    report = Report()
    files = find_files(folder, report)
    if not files:
        return None
    sections = read_documents(folder, report).sections
    if report.errors:
        raise DeployError(report.found)
    holders = {entry.key.file for entry in sections["flows"].values()}
    with_flows = [path for path in files if shown(path) in holders]
    flows = [flow for flow in map(_flow, sections["flows"].values()) if flow is not None]
    return ListedFlows([*with_flows, *(path for path in files if path not in with_flows)], [*sections["flows"]], flows)


def _flow(entry: Entry) -> tuple[str, str | None] | None:
    file = entry.node.get("file") if isinstance(entry.node, Map) else None
    if not is_text(file):
        return None
    path = os.path.realpath(Path(file.location.file).parent / str(file.value))
    literal = re.sub(r"([*?[])", r"[\1]", path)
    name = entry.node.get("class") if isinstance(entry.node, Map) else None
    return _REFERENCE.sub("*", literal), str(name.value) if is_text(name) else None
