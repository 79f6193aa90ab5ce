"""Flow files beside those that the manifests list: most likely somebody wrote a flow and forgot its entry."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from deployer.compiler.flow_files import flow_classes, is_skipped, may_have_a_flow
from deployer.context import Context
from deployer.errors import Diagnostic, Severity
from deployer.manifest.files import shown
from deployer.models.manifests import Manifests
from deployer.models.selection import Selection
from deployer.vcs.repository import ignored_files

_MOST = 5


def unlisted_flows(manifests: Manifests, selection: Selection, context: Context) -> list[Diagnostic]:
    """A warning with the flow files that no manifest lists, in the folders of flows and in those beside them.

    Empty for a part of the flows. Nothing is imported, and of files that are listed nothing is read. Files that git
    ignores do not count.
    """
    if selection.flows or selection.exclude:
        return []
    root = Path(os.path.abspath(manifests.folder)).parent  # noqa: PTH100 - as the paths of the flows are made
    found = [path for path in _candidates(manifests.flow_files, root) if may_have_a_flow(path) and flow_classes(path)]
    if not found:
        return []
    listed = {os.path.realpath(file) for file in manifests.flow_files}
    relative = {Path(os.path.relpath(path, root)): path for path in found if os.path.realpath(path) not in listed}
    ignored = ignored_files(context.git, root, [*relative]) or set()
    paths = sorted(shown(path) for name, path in relative.items() if name not in ignored)
    if not paths:
        return []
    more = f" and {len(paths) - _MOST} more" if len(paths) > _MOST else ""
    what = "1 flow file is" if len(paths) == 1 else f"{len(paths)} flow files are"
    message = f"{what} in no manifest: {', '.join(paths[:_MOST])}{more}"
    pronoun = "it" if len(paths) == 1 else "them"
    by_init = manifests.folder.name == "deployments"
    hint = f"`mfdeploy init` adds {pronoun}" if by_init else f"add {pronoun} under `flows:`"
    return [Diagnostic("unlisted-flow", message, hint=hint, severity=Severity.WARNING)]


def _candidates(listed: Iterable[str], root: Path) -> Iterator[Path]:
    """The Python files that are not listed, in the folders of flows and in those beside them."""
    known = frozenset(listed)
    own = {os.path.dirname(file) for file in known}  # noqa: PTH120 - a thousand flows have as many paths
    above = {os.path.dirname(folder) for folder in own} - {str(root)}  # noqa: PTH120
    beside = {path for folder in above if _is_below(folder, root) for path in _folders(folder)}
    for folder in sorted(own | beside):
        yield from (Path(path) for path in _python_files(folder) if path not in known)


def _is_below(folder: str, root: Path) -> bool:
    return folder.startswith(f"{root}{os.sep}")


def _folders(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and not is_skipped(Path(entry.path)):
                    yield entry.path
    except OSError:
        return


def _python_files(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            found = (each for each in entries if each.name.endswith(".py") and not each.name.startswith("."))
            return sorted(entry.path for entry in found if entry.is_file(follow_symlinks=False))
    except OSError:
        return []
