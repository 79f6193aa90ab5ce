"""The catalogue as JSON: what `mfdeploy site` writes to `site.json`, and what its pages are made from."""

from __future__ import annotations

from typing import Any

from deployer.models.site import Site


def site_to_json(site: Site) -> dict[str, Any]:
    """The catalogue as JSON values."""
    return site.model_dump(mode="json")


def site_schema() -> dict[str, Any]:
    """The JSON Schema of `site.json`."""
    return Site.model_json_schema(mode="serialization")
