"""The door of the room: a folder of manifests in, resolved deployments out.

Each stage goes as far as it can, so that one run reports every problem.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from deployer.errors import DeployError, Diagnostic, Location
from deployer.manifest.branches import is_production, own_branch
from deployer.manifest.broken import broken_flows, environments_of
from deployer.manifest.documents import Document, expand_settings, read_documents
from deployer.manifest.environments import Layer, build_environment, build_layer, check_environment
from deployer.manifest.layers import check_layer
from deployer.manifest.merge import merge
from deployer.manifest.names import check_asked, check_dag_ids, check_environments, check_files, check_promotion
from deployer.manifest.nodes import Entry, Map, Report, has_broken, is_text, locations
from deployer.manifest.nodes import Path as NodePath
from deployer.manifest.paths import resolve_path
from deployer.manifest.pod_values import check_pod_values
from deployer.manifest.policies import read_policies
from deployer.manifest.profiles import MetaflowSetting
from deployer.manifest.removed import check_removed, read_removed
from deployer.manifest.resolve import resolve_flow, with_siblings
from deployer.manifest.validate import validate
from deployer.manifest.variables import Substitution, changed_variables, read_variables
from deployer.models.deployment import Deployment, Environment
from deployer.models.manifests import Manifests
from deployer.models.selection import Selection

_LAYERS: Final = ("defaults", "environments", "flows")
_SUBSTITUTED: Final = (*_LAYERS, "removed", "exemptions")


@dataclass(frozen=True)
class Outline:
    """The names that the manifests of a folder define; nothing of it is checked."""

    environments: frozenset[str]
    variables: frozenset[str]
    flows: frozenset[str]
    addresses: frozenset[str]


def outline(folder: Path) -> Outline:
    """The names in the manifests of a folder; those that cannot be read are left out, since `load` reports them."""
    sections = read_documents(folder, Report()).sections
    environments, flows = sections["environments"], sections["flows"]
    addresses = {f"{name}/{flow}" for flow, entry in flows.items() for name in environments_of(entry, environments)}
    return Outline(frozenset(environments), frozenset(sections["variables"]), frozenset(flows), frozenset(addresses))


def load_selection(selection: Selection, environ: Mapping[str, str]) -> Manifests:
    """The manifests of a selection, with the environments that it names; see `load`."""
    environments, keep_going = selection.environments or None, selection.keep_going
    folder, variables, policies = selection.manifests, selection.variables, selection.policies
    return load(folder, variables, environ, environments, keep_going=keep_going, policies=policies)


def load(
    folder: Path,
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    environments: Collection[str] | None = None,
    *,
    keep_going: bool = False,
    policies: Path | None = None,
) -> Manifests:
    """Read, check and resolve every manifest below `folder`.

    `variables` are those of the command line, `environ` the environment of the process. `environments` limits which are
    resolved; what is wrong in the others is reported all the same, except an environment variable that is not set.
    `policies` is a folder with more policies. With `keep_going` a flow with errors is left out if the errors are those
    of flows alone: see `Manifests.broken`.
    Raises DeployError with every problem of every file.
    """
    loader = _Loader(folder, variables, environ, None if environments is None else frozenset(environments))
    loader.policies = policies
    manifests = loader.load()
    broken = broken_flows(loader.report.found, loader.flows) if keep_going else None
    if broken is not None:
        return _without(manifests, broken, loader)
    if loader.report.errors or (keep_going and broken is None):
        raise DeployError(loader.report.found)
    return manifests


def _without(manifests: Manifests, broken: Mapping[str, Sequence[Diagnostic]], loader: _Loader) -> Manifests:
    """The manifests without their broken flows, with the errors by address."""
    known = loader.environments if loader.asked is None else loader.environments & loader.asked
    errors = {
        f"{environment}/{name}": tuple(found)
        for name, found in broken.items()
        for environment in environments_of(loader.flows[name], known)
    }
    whole = tuple(each for each in manifests.deployments if each.name not in broken)
    return replace(manifests, deployments=whole, broken=errors)


@dataclass
class _Loader:
    """Loads the manifests of a folder once; what `load` returns is not to be used when the report has errors."""

    folder: Path
    variables: Mapping[str, str]
    environ: Mapping[str, str]
    asked: frozenset[str] | None
    report: Report = field(default_factory=Report)
    flows: Mapping[str, Entry] = field(default_factory=dict)
    environments: frozenset[str] = frozenset()
    policies: Path | None = None

    def load(self) -> Manifests:
        """Every flow in each environment that was asked for."""
        document = read_documents(self.folder, self.report)
        self.flows, self.environments = document.sections["flows"], frozenset(document.sections["environments"])
        self._substitute(document)
        expand_settings(document)
        whole = document.merged()
        flawed = validate(whole, self.report)
        flawed |= check_pod_values(whole, self.report)
        policies = read_policies(document, self.policies, flawed, self.report)
        settings = self._check_environments(document, flawed)
        self._check_flows(document, flawed)
        if not document.complete:
            # What is missing may be in the file that could not be read: that is not reported.
            return Manifests(document.owner, {}, ())
        check_asked(sorted(self.asked or ()), document.sections["environments"], self.report)
        return replace(self._resolve(document, settings, flawed), policies=policies)

    def _substitute(self, document: Document) -> None:
        sections = document.sections
        variables = document.section("variables")
        values = read_variables(variables, self.variables, self.environ, document.complete, self.report)
        declared = changed_variables(variables, values)
        substitution = Substitution(values, self.environ, document.complete, self.report, declared, self._is_asked)
        for section in _SUBSTITUTED:
            for name, entry in sections[section].items():
                node = substitution.replace(entry.node, (section, name))
                sections[section][name] = entry._replace(node=node)
        if document.project is not None:
            node = substitution.replace(document.project.node, ("project",))
            document.project = document.project._replace(node=node)

    def _is_asked(self, path: NodePath) -> bool:
        if path[0] == "environments" and path[2:3] == ("airflow",):
            # Whoever only plans need not be able to log in: that is told when Airflow is asked.
            return False
        if path[0] == "environments" and path[2:] == ("kubernetes", "check_context"):
            # Nor to reach the cluster, which a plan may leave unchecked.
            return False
        if self.asked is None:
            return True
        if path[0] == "environments":
            return path[1] in self.asked
        if path[0] == "flows" and len(path) > 3 and path[2] == "overrides":
            return path[3] in self.asked
        return True

    def _check_environments(self, document: Document, flawed: set[NodePath]) -> dict[str, dict[str, MetaflowSetting]]:
        """METAFLOW_* settings by environment. What has a problem is added to `flawed`."""
        settings: dict[str, dict[str, MetaflowSetting]] = {}
        for name, entry in document.sections["environments"].items():
            path, before = ("environments", name), self.report.errors
            check_layer(entry.node, path, self._root, self.report)
            settings[name] = check_environment(entry.node, path, self.report)
            if document.complete:
                check_promotion(name, entry.node, path, document.sections["environments"], self.report)
            if self.report.errors > before or has_broken(entry.node):
                flawed.add(path)
        return settings

    def _check_flows(self, document: Document, flawed: set[NodePath]) -> None:
        before = self.report.errors
        check_layer(document.section("defaults"), ("defaults",), self._root, self.report)
        if self.report.errors > before or has_broken(document.section("defaults")):
            flawed.add(("defaults",))
        for name, entry in document.sections["flows"].items():
            path, before = ("flows", name), self.report.errors
            check_layer(entry.node, path, self._root, self.report)
            if document.complete:
                check_environments(entry.node, path, document.sections["environments"], self.report)
            if self.report.errors > before or has_broken(entry.node):
                flawed.add(path)
        for name, entry in document.sections["removed"].items():
            if document.complete:
                check_environments(entry.node, ("removed", name), document.sections["environments"], self.report)

    @cached_property
    def _root(self) -> Path:
        """The folder below which flows lie."""
        return self.folder.resolve().parent

    def _resolve(
        self, document: Document, settings: Mapping[str, Mapping[str, MetaflowSetting]], flawed: set[NodePath]
    ) -> Manifests:
        sections = document.sections
        environments: dict[str, Environment] = {}
        layers: dict[str, Layer] = {}
        for name, entry in sorted(sections["environments"].items()):
            if ("environments", name) not in flawed:
                assert isinstance(entry.node, Map)
                shared = merge([document.section("defaults"), entry.node])
                branch = own_branch(shared, production=is_production(entry.node))
                environments[name] = build_environment(name, document.owner, entry, settings[name], branch)
                layers[name] = build_layer(environments[name], entry.node, settings[name])
        deployments: list[Deployment] = []
        for name, entry in sections["flows"].items():
            if ("flows", name) not in flawed and not any(path[0] == "defaults" for path in flawed):
                deployments += resolve_flow(name, entry, document.section("defaults"), layers, self._root, self.report)
        deployments = with_siblings(sorted(deployments, key=lambda deployment: deployment.address))
        check_files(environments.values(), self.report)
        check_dag_ids(deployments, self.report)
        removed = () if self.report.errors else read_removed(sections["removed"])
        check_removed(removed, deployments, self.report)
        return Manifests(
            project=document.owner,
            environments=environments,
            deployments=tuple(
                each for each in deployments if self.asked is None or each.environment.name in self.asked
            ),
            diagnostics=tuple(sorted(set(self.report.found), key=lambda found: found.sort_key)),
            folder=self.folder,
            locations=_locations(document),
            removed=removed,
            flow_files=_flow_files(sections["flows"].values()),
        )


def _flow_files(flows: Iterable[Entry]) -> frozenset[str]:
    nodes = (entry.node.get("file") for entry in flows if isinstance(entry.node, Map))
    return frozenset(resolve_path(node).resolved for node in nodes if is_text(node))


def _locations(document: Document) -> dict[str, Location]:
    """Where each setting was written, by its path in the document."""
    return {path: at for section in _LAYERS for path, at in locations(document.section(section), (section,))}
