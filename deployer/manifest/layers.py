"""Checks of a layer of flow settings that need more than the value: that files exist, that a value has one meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from deployer.manifest.ambiguous import warn_ambiguous
from deployer.manifest.nodes import Map, Node, Report, is_text
from deployer.manifest.nodes import Path as NodePath
from deployer.manifest.paths import check_file, check_path

# Settings in which any value is allowed, so that no type says what an unquoted one means.
_ANY_VALUE: Final = ("parameters", "config_values")
# Files by name.
_FILES: Final = ("config_files", "include_files")


def check_layer(node: Node, path: NodePath, root: Path, report: Report) -> None:
    """Check the layer at `path` of the document; a flow's file must lie below `root`."""
    if not isinstance(node, Map):
        return
    if len(path) == 2 and path[0] == "flows":  # elsewhere the key is unknown
        _check_file(node.get("file"), (*path, "file"), root, report)
        overrides = node.get("overrides")
        for name, entry in overrides.entries.items() if isinstance(overrides, Map) else ():
            check_layer(entry.node, (*path, "overrides", name), root, report)
    for section in _FILES:
        files = node.get(section)
        for name, entry in files.entries.items() if isinstance(files, Map) else ():
            _check_file(entry.node, (*path, section, name), None, report)
    python = node.get("python")
    if is_text(python):
        check_path(python, (*path, "python"), report)
    for section in _ANY_VALUE:
        values = node.get(section)
        if values is not None:
            warn_ambiguous(values, (*path, section), report)


def _check_file(node: Node | None, path: NodePath, root: Path | None, report: Report) -> None:
    if is_text(node):
        check_file(node, path, root, report)
