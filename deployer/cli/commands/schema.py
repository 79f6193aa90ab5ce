"""mfdeploy schema."""

from __future__ import annotations

from typing import Annotated, get_args

import typer

from deployer.cli import DONE
from deployer.cli.options import SchemaName
from deployer.cli.output import write_json

EXAMPLES = """
mfdeploy schema manifest > manifest.schema.json
"""


def schema(
    name: Annotated[
        SchemaName | None, typer.Argument(metavar="NAME", help="Which schema. Default: all.", show_default=False)
    ] = None,
) -> int:
    """Print the JSON Schemas of manifests, plans, history and results."""
    from deployer.commands.schema import schema

    write_json(schema(name) if name else {each: schema(each) for each in get_args(SchemaName)})
    return DONE
