"""Says which key of the manifest to use when a task misses a module in a package that `package:` made smaller."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Beside this file in the code package, as the manifest has the setting; not there without it.
_CHOICE = Path(__file__).with_name("package.json")
_said: set[str] = set()


def say_what_is_missing(error: BaseException) -> None:
    """Write a line to the log for each module that was not found; nothing for other errors, or without the setting."""
    for name in _missing_modules(error):
        text = hint(name, _choice())
        if text and name not in _said:
            _said.add(name)
            sys.stderr.write(f"{text}\n")


def hint(module: str, choice: dict[str, Any]) -> str:
    """What to do about a module that is not there; empty where the package was not made smaller."""
    path = module.replace(".", "/")
    if choice.get("only"):
        how = (
            "holds only what import statements of the flow's code name (`package: {only: imports}` in the manifest). "
            f"If the module is a file of yours, add it: `package: {{include: [{path}.py]}}`, or its folder"
        )
    elif choice.get("exclude"):
        patterns = ", ".join(map(str, choice["exclude"]))
        how = (
            f"leaves out what `package: {{exclude: [{patterns}]}}` in the manifest names. "
            "If the module is a file of yours, narrow these patterns"
        )
    else:
        return ""
    return f"No module named {module!r}: the code package {how}. Modules of others must be installed here."


def _missing_modules(error: BaseException) -> Iterator[str]:
    seen: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in seen:
        seen.append(following)
        if isinstance(following, ModuleNotFoundError) and following.name:
            yield following.name
        following = following.__cause__ or following.__context__


def _choice() -> dict[str, Any]:
    try:
        found = json.loads(_CHOICE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
