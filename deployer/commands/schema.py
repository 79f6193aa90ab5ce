"""mfdeploy schema: the JSON Schemas of what mfdeploy reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.manifest import manifest_schema
from deployer.views.plan_json import plan_schema


def schemas() -> Mapping[str, dict[str, Any]]:
    """Each schema by name, as checked in under ``schemas/``."""
    return {"manifest": manifest_schema(), "plan": plan_schema()}
