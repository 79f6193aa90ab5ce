"""Finds credentials in the decorators of a manifest (`with:`), whose arguments the DAG file would contain."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from deployer.errors import Diagnostic
from deployer.models import credentials
from deployer.models.deployment import Deployment

# Metaflow reads the arguments as JSON, with or without a backslash before each quote.
_KEY: Final = re.compile(r"""['"]([^'"]*)['"]\s*:""")
_INLINE: Final = re.compile(r"""['"]type['"]\s*:\s*['"]inline['"]|\binline\.""")


def find(deployment: Deployment) -> Iterator[Diagnostic]:
    """One problem for each decorator with credentials. Messages never contain the arguments."""
    for spec in deployment.decorators:
        name, _, arguments = spec.partition(":")
        plain = re.sub(
            r"\\(?:u00([0-9a-fA-F]{2}))?", lambda found: chr(int(found[1] or "0", 16)).strip("\0"), arguments
        )
        found = _found(name.strip(), plain)
        if found:
            message, hint = found
            path = f"flows.{deployment.name}.with"
            yield Diagnostic("secret-in-dag", message, deployment.source("with"), path, hint)


def _found(name: str, arguments: str) -> tuple[str, str] | None:
    if name == "secrets" and _INLINE.search(arguments):
        message = "the values of an inline source of @secrets would be written into the DAG file"
        return message, "use a secret of a secrets manager, or declare the source in the flow's code"
    names = [key for key in _KEY.findall(arguments) if credentials.names_credential(key)]
    if names and name == "environment":
        return f"@environment sets {names[0]}, a credential, which would be written into the DAG file", credentials.HINT
    if credentials.holds_credential(arguments):
        return (
            f"the arguments of @{name} contain a credential, which would be written into the DAG file",
            credentials.HINT,
        )
    return None
