"""All files of a folder read as one document, in which a name is defined once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deployer.errors import Location, nearest
from deployer.manifest.fields import keys_of
from deployer.manifest.files import find_files, read_file, shown
from deployer.manifest.keys import ManifestFile
from deployer.manifest.merge import expand
from deployer.manifest.nodes import Entry, Map, Report, Scalar, describe

_KINDS: Final = {
    "variables": "variable",
    "defaults": "default",
    "environments": "environment",
    "flows": "flow",
    "removed": "removed flow",
    "policies": "policy",
    "exemptions": "exemption",
}
SECTIONS: Final = tuple(_KINDS)
_TOP: Final = list(keys_of(ManifestFile))


@dataclass
class Document:
    """The merged top level. `complete` is False when a file could not be read: names may then be missing without fault.

    `sections` has an entry for each of `SECTIONS`.
    """

    project: Entry | None = None
    sections: dict[str, dict[str, Entry]] = field(default_factory=lambda: {name: {} for name in SECTIONS})
    has_version: bool = False
    complete: bool = True

    @property
    def owner(self) -> str:
        """The project; empty where there is none that can be used."""
        node = self.project.node if self.project else None
        return str(node.value) if isinstance(node, Scalar) else ""

    def section(self, name: str) -> Map:
        return Map(self.sections[name], Location(""))

    def merged(self) -> Map:
        """The whole of it as one map, without the version: that of each file has been checked."""
        entries = {name: Entry(Location(""), self.section(name)) for name in SECTIONS}
        if self.project is not None:
            entries["project"] = self.project
        return Map(entries, Location(""))


def read_documents(folder: Path, report: Report) -> Document:
    """Read and merge the manifest files below a folder."""
    document = Document()
    before = report.errors
    paths = find_files(folder, report)
    document.complete = report.errors == before
    if not paths and document.complete:
        hint = "`mfdeploy init` writes a first one"
        report.error("no-manifest", f"no *.yaml file is below {shown(folder)!r}", None, hint=hint)
        document.complete = False
    for path in paths:
        top = read_file(path, report)
        if top is not None and _is_manifest(top, report):
            _merge(document, top, report)
        else:
            document.complete = False
    if document.complete:
        _require(document, paths, report)
    return document


def _is_manifest(top: Map, report: Report) -> bool:
    if not top.entries or any(name in _TOP for name in top.entries):
        return True
    name, entry = next(iter(top.entries.items()))
    message = f"the file is not a manifest: its first key is {name!r}, expected one of {', '.join(_TOP)}"
    hint = nearest(name, _TOP) or "every *.yaml below the manifest folder is read; keep other YAML files elsewhere"
    report.error("not-a-manifest", message, entry.key, hint=hint)
    return False


def _merge(document: Document, top: Map, report: Report) -> None:
    for name, entry in top.entries.items():
        if name in SECTIONS:
            merge_section(document, name, entry, report)
        elif name == "project":
            if document.project is not None:
                _duplicate("project", "the project", entry, document.project, report)
            else:
                document.project = entry
        elif name == "version":
            document.has_version = True
            _check_version(entry, report)
        else:
            misspelt = nearest(name, _TOP)
            document.complete = document.complete and not misspelt
            hint = misspelt or f"the keys here are {', '.join(_TOP)}"
            report.error("unknown-key", f"unknown key {name!r}", entry.key, (name,), hint)


def merge_section(document: Document, section: str, entry: Entry, report: Report) -> None:
    """Add the entries of a section in one file to the document."""
    node = entry.node
    if isinstance(node, Scalar) and node.broken:
        document.complete = False
        return
    if isinstance(node, Scalar) and node.value is None:
        return  # a section whose entries are all commented out
    if not isinstance(node, Map):
        report.error("wrong-type", f"expected a map, found {describe(node)}", node.location, (section,))
        document.complete = False
        return
    merged = document.sections[section]
    kind = _KINDS[section]
    for name, item in node.entries.items():
        if name in merged:
            _duplicate(f"{section}.{name}", f"the {kind} {name!r}", item, merged[name], report)
        else:
            merged[name] = item


def _duplicate(path: str, what: str, entry: Entry, first: Entry, report: Report) -> None:
    hint = "a name is defined once in all manifests of a folder"
    report.error("duplicate-name", f"{what} is already defined at {first.key}", entry.key, (path,), hint)


def _check_version(entry: Entry, report: Report) -> None:
    node = entry.node
    if isinstance(node, Scalar) and node.broken:
        return
    if not (isinstance(node, Scalar) and node.value == 1 and type(node.value) is int):
        message = f"expected 1, found {describe(node)}"
        hint = "write 1" if isinstance(node, Scalar) and node.text.strip() == "1" else "this mfdeploy reads version 1"
        report.error("bad-version", message, node.location, ("version",), hint)


def _require(document: Document, paths: list[Path], report: Report) -> None:
    location = Location(shown(paths[0]))
    if not document.has_version:
        report.error("missing-key", "no manifest has the key 'version'", location, hint="write `version: 1` at the top")
    if document.project is None:
        hint = "write `project: NAME`, who owns the DAGs"
        report.error("missing-key", "no manifest has the key 'project'", location, hint=hint)
    flows = document.sections["flows"]
    if flows and not document.sections["environments"]:
        entry = next(iter(flows.values()))
        message = "there are flows, but no manifest defines an environment"
        report.error("missing-key", message, entry.key, ("environments",), "define one under `environments:`")


def expand_settings(document: Document) -> None:
    """Write out the short forms in every layer of settings."""
    sections = document.sections
    sections["defaults"] = expand(document.section("defaults")).entries
    for section in ("environments", "flows"):
        sections[section] = {name: _expand_entry(entry) for name, entry in sections[section].items()}


def _expand_entry(entry: Entry) -> Entry:
    if not isinstance(entry.node, Map):
        return entry
    settings = expand(entry.node)
    overrides = settings.entries.get("overrides")
    if overrides is not None and isinstance(overrides.node, Map):
        expanded = {name: _expand_entry(item) for name, item in overrides.node.entries.items()}
        whole = overrides._replace(node=Map(expanded, overrides.node.location))
        settings = Map({**settings.entries, "overrides": whole}, settings.location)
    return entry._replace(node=settings)
