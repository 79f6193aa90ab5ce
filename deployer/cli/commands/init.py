"""mfdeploy init."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from deployer.cli import DONE
from deployer.cli.context import command_context
from deployer.cli.options import DEFAULT_MANIFESTS, Folder
from deployer.cli.output import write, write_message

if TYPE_CHECKING:
    from deployer.commands.init import InitResult

EXAMPLES = """
mfdeploy init
mfdeploy init services/growth
"""


def init(folder: Folder = Path()) -> int:
    """Write a first manifest for the flows below a folder.

    The manifest is deployments/mfdeploy.yaml in that folder, with its schema for editors beside it. If there are
    manifests, the flows that they do not list are added to one. Flow files are read, never run.
    """
    from deployer.commands.init import init
    from deployer.models.visible import escape_controls
    from deployer.views.words import count

    with command_context() as context:
        result = init(folder, context)
    manifest, flows = escape_controls(str(result.manifest)), count(len(result.flows), "flow")
    names = "".join(f"  {escape_controls(name)}\n" for name in result.flows)
    if result.is_new:
        write(f"Wrote {manifest} with {flows}:\n{names}")
    elif result.flows:
        write(f"Added {flows} to {manifest}:\n{names}")
    else:
        write(f"Nothing to add: {escape_controls(str(result.manifest.parent))} lists every flow.\n")
    _report_others(result)
    if result.flows:
        found_by_default = result.manifest.parent == DEFAULT_MANIFESTS
        option = "" if found_by_default else f" --manifests {shlex.quote(str(result.manifest.parent))}"
        write_message(f"Next: mfdeploy plan{option}")
    return DONE


def _report_others(result: InitResult) -> None:
    """What was written beside the manifest."""
    if result.schema:
        write_message(f"Wrote {result.schema}: editors check the manifest with it.")
    if result.old_schema:
        shown = shlex.quote(str(result.old_schema))
        write_message(f"{shown} is of another version. For this one: mfdeploy schema manifest > {shown}")
    if result.gitignore:
        write_message(f"Added build/ to {result.gitignore}")
