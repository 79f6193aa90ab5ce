"""Why a helper said nothing of a flow, as a problem of what it was started with."""

from __future__ import annotations

import re
from collections.abc import Mapping

from deployer.compiler.protocol import Problem
from deployer.models.shortage import shortage_in

# How Metaflow ends where it is imported with a value that it cannot use: `from_conf` in metaflow_config_funcs.py.
_UNREAD_SETTING = re.compile(r"^(?:ValueError|\S*MetaflowException): (?P<said>.*?\b(?P<name>METAFLOW_\w+)\b.*)")


def unanswered(python: str, why: str, settings: Mapping[str, str]) -> Problem:
    """The problem of a flow of which a helper said nothing: `why` is its last line, `settings` is what it was given."""
    unread = _UNREAD_SETTING.search(why)
    if unread and unread["name"] in settings:
        said = unread["said"].replace("<class 'int'>", "whole number").replace("Expected", "expected")
        colon = "" if said.startswith("expected") else ":"
        return Problem("bad-value", f"Metaflow{colon} {said}", setting=f"metaflow.{unread['name']}")
    hint = "the interpreter needs metaflow and boto3 (pip install metaflow 'boto3>=1.40')"
    if lack := shortage_in(why):
        # Of the machine, and so one for all flows.
        return Problem("environment", f"cannot compile flows with {python}: {lack.message}", hint=lack.hint)
    return Problem("bad-interpreter", f"cannot compile flows with {python}: {why}", hint=hint, setting="python")
