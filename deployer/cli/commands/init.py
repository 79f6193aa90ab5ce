"""mfdeploy init."""

from __future__ import annotations

import shlex
from pathlib import Path

from deployer.cli import DONE
from deployer.cli.options import DEFAULT_MANIFESTS, Folder
from deployer.cli.output import write, write_message

EXAMPLES = """
mfdeploy init
mfdeploy init services/growth
"""


def init(folder: Folder = Path()) -> int:
    """Write a first manifest for the flows below a folder.

    The manifest is deployments/mfdeploy.yaml in that folder. Flow files are read, never run.
    """
    from deployer.commands.init import init
    from deployer.views.escape_controls import escape_controls
    from deployer.views.words import count

    result = init(folder)
    names = "".join(f"  {escape_controls(name)}\n" for name in result.flows)
    write(f"Wrote {escape_controls(str(result.manifest))} with {count(len(result.flows), 'flow')}:\n{names}")
    found_by_default = result.manifest.parent == DEFAULT_MANIFESTS
    option = "" if found_by_default else f" --manifests {shlex.quote(str(result.manifest.parent))}"
    write_message(f"Next: mfdeploy plan{option}")
    return DONE
