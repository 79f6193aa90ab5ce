"""Deployments for tests of the compiler, as the manifests would give them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deployer.errors import Location
from deployer.models.deployment import Deployment, Environment, ResolvedPath

FLOWS = Path(__file__).parent / "flows"


def local(datastore: Path | str = "/nowhere/metaflow", **more: Any) -> Environment:
    """An environment whose steps are processes."""
    place = ResolvedPath("../metaflow", str(datastore))
    settings = {"compute": "local", "datastore_type": "local", **more}
    target = ResolvedPath("../dags", "/nowhere/dags")
    return Environment(name="local", project="growth", target=target, datastore=place, **settings)


KUBERNETES = Environment(
    name="prod",
    project="growth",
    target=ResolvedPath("../dags", "/nowhere/dags"),
    compute="kubernetes",
    datastore=ResolvedPath("s3://acme/metaflow", "s3://acme/metaflow"),
    datastore_type="s3",
    production=True,
)


def deployment(file: Path | str, name: str = "flow", environment: Environment | None = None, **more: Any) -> Deployment:
    """A flow of FLOWS (or of an absolute path), from a manifest beside it."""
    path = FLOWS / file
    branch = {} if environment and environment.production else {"branch": "dev"}
    return Deployment(
        name=name,
        environment=environment or local(),
        file=ResolvedPath(path.name, str(path)),
        location=Location(str(path.parent / "manifest.yaml"), 3),
        **{"owner": "growth", **branch, **more},
    )
