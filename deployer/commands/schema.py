"""mfdeploy schema: the JSON Schemas that come with the package.

They are generated from the models by docs/generate.py; reading the files is faster than generating them again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

# In a wheel the schemas are part of the package; in a checkout they lie beside it.
_PACKAGE = Path(__file__).parents[1]
_FOLDER = next(
    folder for folder in (_PACKAGE / "schemas", _PACKAGE.parent / "schemas") if (folder / "plan.schema.json").is_file()
)


def schema(name: Literal["manifest", "plan", "policy", "history", "result", "projects", "site"]) -> dict[str, Any]:
    """The JSON Schema of a file, or of what `history` or an apply print as JSON."""
    return dict(json.loads((_FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")))
