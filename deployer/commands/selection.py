"""The selection that every command takes, under the name that the command line knows it by."""

from deployer.models.selection import Selection

__all__ = ["Selection"]
