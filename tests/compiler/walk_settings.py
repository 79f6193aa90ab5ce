"""Run by the Python of some Metaflow: prints the settings that this Metaflow reads, as JSON.

By kind: those of its configuration with their defaults, the options of its command line and the variables that it reads
from the process environment by name.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import metaflow
from metaflow import cli, metaflow_config_funcs
from metaflow.extension_support import cmd, integrations, plugins  # noqa: F401 - each asks for settings of its own

# In Python, in a script that a pod runs, and as an option of Metaflow's own command line.
READS = (
    r"""(?:environ(?:\.get|\.pop|\.setdefault)?|getenv)\s*[\[(]\s*\\*["'](METAFLOW_[A-Z0-9_]+)""",
    r"""["'](METAFLOW_[A-Z0-9_]+)["'] (?:not )?in (?:os\.)?environ""",
    r"""\$\{?(METAFLOW_[A-Z0-9_]+)""",
    r"""envvar="(METAFLOW_[A-Z0-9_]+)\"""",
)


def variables() -> set[str]:
    """What Metaflow's source reads from the process environment by name."""
    root = Path(metaflow.__file__).parent
    files = [path for path in root.rglob("*.py") if "_vendor" not in path.parts]
    texts = [path.read_text(encoding="utf-8") for path in files]
    return {name for text in texts for pattern in READS for name in re.findall(pattern, text)}


print(
    json.dumps(
        {
            "configuration": {name: each.value for name, each in sorted(metaflow_config_funcs._all_configs.items())},
            "options": sorted(f"METAFLOW_{option.name.upper()}" for option in cli.start.params),
            "variables": sorted(variables()),
        }
    )
)
