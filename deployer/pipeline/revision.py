"""Builds what another revision of the repository would deploy, with the same pipeline, from a temporary folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, Location
from deployer.manifest.load import outline
from deployer.models.desired import DesiredState
from deployer.models.selection import Selection
from deployer.models.temporary import temporary_folder
from deployer.pipeline.build import build_or_refuse
from deployer.vcs.repository import Revision, check_out


@dataclass(frozen=True)
class CheckedOut:
    """A revision that is checked out in the folder `tree`, and the context to compile its flows with."""

    revision: Revision
    tree: Path
    context: Context

    def build(self, selection: Selection) -> DesiredState | None:
        """What the revision would deploy; None if it has no manifests or none of the selected environments.

        Environments and variables that the revision does not define are ignored. Raises DeployError.
        """
        folder = _moved(selection.manifests, self.revision.top, self.tree)
        if not folder.is_dir():
            return None
        known = outline(folder)
        asked = tuple(name for name in selection.environments if name in known.environments)
        if selection.environments and not asked:
            return None
        variables = {name: value for name, value in selection.variables.items() if name in known.variables}
        moved = replace(selection, manifests=folder, environments=asked, variables=variables)
        return build_or_refuse(moved, self.context)

    def as_in_the_working_tree(self, text: str) -> str:
        """A rendered text with paths into the temporary folder replaced by paths into the working tree."""
        return text.replace(str(self.tree), str(self.revision.top))


@contextmanager
def checked_out(revision: Revision, context: Context) -> Iterator[CheckedOut]:
    """Check out the revision in a temporary folder, which is removed after the block.

    PYTHONPATH points to the same folders of the revision. A DeployError in the block is raised again with the file
    names that git uses: ``main:deployments/a.yaml``.
    """
    with temporary_folder() as temporary:
        tree = Path(temporary).resolve() / "tree"
        check_out(context.git, revision, tree)
        try:
            yield CheckedOut(revision, tree, context.with_environ(_environ(context.environ, revision.top, tree)))
        except DeployError as error:
            raise DeployError([_named(each, revision, tree) for each in error.diagnostics]) from error


def _environ(environ: Mapping[str, str], top: Path, tree: Path) -> Mapping[str, str]:
    entries = [entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    if not entries:
        return environ
    return {**environ, "PYTHONPATH": os.pathsep.join(str(_moved(Path(entry), top, tree)) for entry in entries)}


def _moved(path: Path, top: Path, tree: Path) -> Path:
    """A path in the working tree, moved into the tree of the revision."""
    full = path.resolve()
    return tree / full.relative_to(top) if full.is_relative_to(top) else full


def _named(problem: Diagnostic, revision: Revision, tree: Path) -> Diagnostic:
    """A problem of the revision, with the file name that git uses."""
    location = problem.location
    if location and str(tree) in str(Path(location.file).absolute()):
        shown = Path(os.path.normpath(Path(location.file).absolute())).relative_to(tree)
        location = Location(f"{revision.name}:{shown.as_posix()}", location.line, location.column)
    message, hint = (text.replace(f"{tree}/", f"{revision.name}:") for text in (problem.message, problem.hint))
    return replace(problem, location=location, message=message, hint=hint)
