"""The branch that a deployment belongs to: its name in the orchestrator, and which deployed files are its own."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

_PLAIN: Final = re.compile(r"[a-z0-9_]{1,64}")
_DIGEST: Final = 10  # hex digits
_SLUG: Final = 40
# What the name of another branch was made to: a branch that is called so itself is given another name.
_MADE: Final = re.compile(rf"__[0-9a-f]{{{_DIGEST}}}\Z")


def branch_name(branch: str) -> str:
    """A branch as part of names: lowercase letters, digits and ``_``, at most 64 characters.

    Metaflow takes such a name for the branch of a `@project` (metaflow.plugins.project_decorator); DAG ids and
    file names take it, too. A branch that is such a name stays as it is. Any other gets a digest of the whole, so that
    no two branches share a name: ``feature/x`` is ``feature_x__217d2bf51f``, and ``feature-x`` has another digest.
    """
    if _PLAIN.fullmatch(branch) and not _MADE.search(branch):
        return branch
    slug = re.sub(r"[^a-z0-9]+", "_", branch.lower())[:_SLUG].strip("_")
    digest = hashlib.sha256(branch.encode(errors="surrogatepass")).hexdigest()[:_DIGEST]
    return f"{slug}__{digest}"


def label_of(environment: str, branch: str) -> str:
    """What the files of mfdeploy at a target are named after: the environment and, if there is one, the branch.

    No name of an environment has an ``@``.
    """
    return f"{environment}@{branch_name(branch)}" if branch else environment


@dataclass(frozen=True)
class Branch:
    """A branch of an environment. `name` is as the manifests write it; empty for none.

    `main` is the branch that the manifests give where nobody sets a variable; None if that is not said. What was
    deployed without a branch belongs to it.
    """

    name: str = ""
    main: str | None = ""

    @property
    def is_main(self) -> bool:
        """Whether it is the branch that the manifests give where nobody sets a variable."""
        return self.name == self.main

    @property
    def is_preview(self) -> bool:
        """Whether it is a branch beside the main one."""
        return bool(self.name) and not self.is_main

    @property
    def safe_name(self) -> str:
        """Its name as part of DAG ids, file names and tags; empty for none."""
        return branch_name(self.name) if self.name else ""

    def in_name(self, written: str) -> str:
        """A name that the manifests write with the branch added, unless it was written with the branch at its end."""
        name = self.safe_name
        if not name or written.endswith(tuple(f"{separator}{name}" for separator in "._-")):
            return written
        return f"{written}.{name}"

    def owns(self, recorded: str | None) -> bool:
        """Whether what was deployed for the branch `recorded` (None: without a branch) belongs to this one."""
        return recorded == self.name if recorded else not self.name or self.is_main


NO_BRANCH: Final = Branch()
