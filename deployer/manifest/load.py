"""The stages from a folder to deployments, each going as far as it can, so that one run reports everything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployer.errors import Location
from deployer.manifest import keys as written
from deployer.manifest.ambiguous import warn_ambiguous
from deployer.manifest.check import check
from deployer.manifest.documents import Document, expand_settings, read_documents
from deployer.manifest.environments import Layer, build_environment, build_layer, check_environment
from deployer.manifest.names import check_asked, check_dag_ids, check_environments, check_name
from deployer.manifest.nodes import Entry, Map, Node, Report, Scalar, describe, is_text, places
from deployer.manifest.nodes import Path as NodePath
from deployer.manifest.places import check_file, check_path
from deployer.manifest.resolve import resolve_flow
from deployer.manifest.variables import Substitution, read_variables
from deployer.models.deployment import Deployment, Environment

_SECTIONS = ("defaults", "environments", "flows")


@dataclass(frozen=True)
class Resolved:
    """The last stage's result; not to be used when the report has errors."""

    environments: Mapping[str, Environment] = field(default_factory=dict)
    deployments: tuple[Deployment, ...] = ()
    places: Mapping[str, Location] = field(default_factory=dict)


class Loader:
    """Loads the manifests of a folder once. `report`, `project` and `secrets` are complete after `load`."""

    def __init__(
        self, folder: Path, variables: Mapping[str, str], environ: Mapping[str, str], asked: frozenset[str] | None
    ) -> None:
        self.folder = folder
        self.root = folder.resolve().parent  # flows lie below it
        self.variables = variables
        self.environ = environ
        self.asked = asked
        self.report = Report()
        self.project = ""
        self.secrets: set[str] = set()
        self._settings: dict[str, dict[str, str]] = {}  # METAFLOW_* settings by environment

    def load(self) -> Resolved:
        """Every flow in each environment that was asked for."""
        document = read_documents(self.folder, self.report)
        self._substitute(document)
        expand_settings(document)
        sound = self._check(document)
        if not document.complete:
            # What is missing may be in the file that could not be read: nothing about it is said.
            return Resolved()
        return self._resolve(document, sound)

    def _substitute(self, document: Document) -> None:
        sections = document.sections
        values = read_variables(
            document.section("variables"), self.variables, self.environ, document.complete, self.report
        )
        substitution = Substitution(values, self.environ, document.complete, self.report, self._is_asked)
        for section in ("defaults", "environments", "flows"):
            for name, entry in sections[section].items():
                node = substitution.replace(entry.node, (section, name))
                sections[section][name] = entry._replace(node=node)
        if document.project is not None:
            node = substitution.replace(document.project.node, ("project",))
            document.project = document.project._replace(node=node)
        self.secrets = substitution.secrets

    def _is_asked(self, path: NodePath) -> bool:
        if self.asked is None:
            return True
        if path[0] == "environments":
            return path[1] in self.asked
        if path[0] == "flows" and len(path) > 3 and path[2] == "overrides":
            return path[3] in self.asked
        return True

    def _check(self, document: Document) -> set[NodePath]:
        """Check each layer by itself; returns those without a fault."""
        report, sections = self.report, document.sections
        sound: set[NodePath] = set()
        self._check_project(document.project)
        before = report.errors
        defaults = document.section("defaults")
        check(written.FLOW_SETTINGS, defaults, Location(""), ("defaults",), report)
        self._check_settings(defaults, ("defaults",))
        if report.errors == before:
            sound.add(("defaults",))
        kinds = {"environments": written.ENVIRONMENT, "flows": written.FLOW_ENTRY}
        for section, kind in kinds.items():
            for name, entry in sections[section].items():
                path = (section, name)
                before = report.errors
                check_name(name, entry, path, report)
                check(kind, entry.node, entry.key, path, report)
                self._check_settings(entry.node, path)
                if section == "environments":
                    self._settings[name] = check_environment(entry.node, path, report)
                elif document.complete:
                    check_environments(entry.node, path, sections["environments"], report)
                if report.errors == before and not _has_broken(entry.node):
                    sound.add(path)
        if document.complete:
            check_asked(sorted(self.asked or ()), sections["environments"], report)
        return sound

    def _check_project(self, entry: Entry | None) -> None:
        if entry is None or (isinstance(entry.node, Scalar) and entry.node.broken):
            return
        node = entry.node
        if isinstance(node, Scalar) and isinstance(node.value, str) and re.fullmatch(written.NAME, node.value):
            self.project = node.value
            return
        message = f"expected a name (a letter, then letters, digits, _ or -), found {describe(node)}"
        self.report.error("bad-name", message, node.location, ("project",))

    def _check_settings(self, node: Node, path: NodePath) -> None:
        """The paths in a layer of flow settings, and values that YAML readers read differently."""
        if not isinstance(node, Map):
            return
        if len(path) == 2 and path[0] == "flows":  # elsewhere the key is unknown
            self._check_each_file(node.get("file"), (*path, "file"), self.root)
        config_files = node.get("config_files")
        if isinstance(config_files, Map):
            for name, entry in config_files.entries.items():
                self._check_each_file(entry.node, (*path, "config_files", name), None)
        python = node.get("python")
        if is_text(python):
            check_path(python, (*path, "python"), self.report)
        for section in ("parameters", "config_values"):
            values = node.get(section)
            if values is not None:
                warn_ambiguous(values, (*path, section), self.report)
        overrides = node.get("overrides")
        if isinstance(overrides, Map) and path[0] == "flows":
            for name, entry in overrides.entries.items():
                self._check_settings(entry.node, (*path, "overrides", name))

    def _check_each_file(self, node: Node | None, path: NodePath, root: Path | None) -> None:
        if is_text(node):
            check_file(node, path, root, self.report)

    def _resolve(self, document: Document, sound: set[NodePath]) -> Resolved:
        sections = document.sections
        built: dict[str, Environment] = {}
        layers: dict[str, Layer] = {}
        for name, entry in sorted(sections["environments"].items()):
            if ("environments", name) in sound:
                built[name] = build_environment(name, self.project, entry, self._settings[name])
                layers[name] = build_layer(built[name], entry.node)
        deployments: list[Deployment] = []
        for name, entry in sections["flows"].items():
            if ("flows", name) in sound and ("defaults",) in sound:
                deployments += resolve_flow(name, entry, document.section("defaults"), layers, self.report)
        deployments.sort(key=lambda deployment: deployment.address)
        check_dag_ids(deployments, self.report)
        asked = [found for found in deployments if self.asked is None or found.environment.name in self.asked]
        found = {path: place for section in _SECTIONS for path, place in places(document.section(section), (section,))}
        return Resolved(built, tuple(asked), found)


def _has_broken(node: Node) -> bool:
    if isinstance(node, Scalar):
        return node.broken
    if isinstance(node, Map):
        return any(_has_broken(entry.node) for entry in node.entries.values())
    return any(map(_has_broken, node.nodes))
