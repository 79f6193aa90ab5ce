"""Asks the runtime of a task which values of a run an IncludeFile takes; run by the Python of any Metaflow.

Arguments: the datastore's type, and a file of JSON with `deployed`, `allowed` and the `values` to try. Says as JSON,
for each value, the text that Metaflow is given, or null where the value is refused.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from metaflow import IncludeFile
from mfdeploy_task.included import included_file  # type: ignore[import-not-found]

parameter = IncludeFile("table")
parameter.init()
asked = json.loads(Path(sys.argv[2]).read_text())
found = []
for value in asked["values"]:
    try:
        found.append(included_file(parameter, value, asked, sys.argv[1]))
    except ValueError as error:
        assert len(str(error)) < 1_000, error
        found.append(None)
print(json.dumps(found))
