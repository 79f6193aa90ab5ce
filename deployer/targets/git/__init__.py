"""A target that is a folder of a branch of a git repository: one commit for each apply."""

from __future__ import annotations

from deployer.targets.git.target import GitTarget

__all__ = ["GitTarget"]
