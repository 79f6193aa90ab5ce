"""The manifests: YAML files in, complete and frozen deployments out, every problem with its place."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from deployer.errors import DeployError, Severity
from deployer.manifest.documents import read_documents
from deployer.manifest.load import Loader
from deployer.manifest.nodes import Entry, Items, Map, Report, Scalar
from deployer.manifest.schema import manifest_schema
from deployer.models.manifests import Manifests
from deployer.models.selection import Selection

__all__ = ["Manifests", "Outline", "load", "load_selection", "manifest_schema", "outline"]


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
    addresses = {f"{name}/{flow}" for flow, entry in flows.items() for name in _environments_of(entry, environments)}
    return Outline(frozenset(environments), frozenset(sections["variables"]), frozenset(flows), frozenset(addresses))


def _environments_of(entry: Entry, known: Collection[str]) -> Collection[str]:
    """The environments that a flow names as they are written, else all of them."""
    named = entry.node.get("environments") if isinstance(entry.node, Map) else None
    if not isinstance(named, Items):
        return known
    return {str(node.value) for node in named.nodes if isinstance(node, Scalar) and node.value in known}


def load_selection(selection: Selection, environ: Mapping[str, str]) -> Manifests:
    """The manifests of a selection, with the environments that it names; see `load`."""
    return load(selection.manifests, selection.variables, environ, selection.environments or None)


def load(
    folder: Path,
    variables: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    environments: Collection[str] | None = None,
) -> Manifests:
    """Read, check and resolve every manifest below `folder`.

    `variables` are those of the command line, `environ` the process environment (os.environ when absent).
    `environments` limits which are resolved; what is wrong in the others is reported all the same, except an
    environment variable that is not set. Raises DeployError with every problem of every file.
    """
    loader = Loader(
        folder,
        variables if variables is not None else {},
        environ if environ is not None else os.environ,
        None if environments is None else frozenset(environments),
    )
    resolved = loader.load()
    if loader.report.errors:
        raise DeployError(loader.report.found)
    warnings = sorted(
        {found for found in loader.report.found if found.severity is Severity.WARNING}, key=lambda found: found.sort_key
    )
    return Manifests(
        loader.project,
        resolved.environments,
        resolved.deployments,
        tuple(warnings),
        frozenset(loader.secrets),
        folder,
        resolved.places,
    )
