"""What another revision of the repository would deploy, built by the same pipeline from a temporary folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, Location
from deployer.manifest.load import outline
from deployer.models.desired import DesiredState
from deployer.models.selection import Selection
from deployer.pipeline.build import build_or_refuse
from deployer.vcs.repository import Revision, check_out


@dataclass(frozen=True)
class CheckedOut:
    """A revision whose files are in the folder `tree`, and the context in which its flows are compiled."""

    revision: Revision
    tree: Path
    context: Context

    def build(self, selection: Selection) -> DesiredState | None:
        """What the revision deploys of a selection; None where it has no manifests, or none of these environments.

        Environments and variables that the revision does not have are left out. Raises DeployError.
        """
        folder = _moved(selection.manifests, self.revision.top, self.tree)
        if not folder.is_dir():
            return None
        known = outline(folder)
        asked = tuple(name for name in selection.environments if name in known.environments)
        if selection.environments and not asked:
            return None
        variables = {name: value for name, value in selection.variables.items() if name in known.variables}
        there = replace(selection, manifests=folder, environments=asked, variables=variables)
        return build_or_refuse(there, self.context)

    def as_in_the_working_tree(self, text: str) -> str:
        """A rendered text with the folder of a local datastore where the working tree has it, wherever it was built."""
        return text.replace(str(self.tree), str(self.revision.top))


@contextmanager
def checked_out(revision: Revision, context: Context) -> Iterator[CheckedOut]:
    """The revision's files in a folder of their own, which is gone after the block.

    Python finds the modules of PYTHONPATH there as well. A DeployError in the block is raised again with git's names
    of files: ``main:deployments/a.yaml``.
    """
    with tempfile.TemporaryDirectory(prefix="mfdeploy-") as temporary:
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
    """A path of the working tree as one of the revision's."""
    full = path.resolve()
    return tree / full.relative_to(top) if full.is_relative_to(top) else full


def _named(problem: Diagnostic, revision: Revision, tree: Path) -> Diagnostic:
    """A problem of the revision, with git's name of the file."""
    place = problem.location
    if place and str(tree) in str(Path(place.file).absolute()):
        shown = Path(os.path.normpath(Path(place.file).absolute())).relative_to(tree)
        place = Location(f"{revision.name}:{shown.as_posix()}", place.line, place.column)
    message, hint = (text.replace(f"{tree}/", f"{revision.name}:") for text in (problem.message, problem.hint))
    return replace(problem, location=place, message=message, hint=hint)
