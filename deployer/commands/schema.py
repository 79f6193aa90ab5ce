"""mfdeploy schema: the JSON Schema of manifests. That of saved plans belongs to the view that writes them."""

from deployer.manifest import manifest_schema

__all__ = ["manifest_schema"]
