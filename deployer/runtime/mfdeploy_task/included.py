"""What a run may give an IncludeFile.

Whoever may start a run names the file, and Metaflow reads it with all rights of the worker and keeps it in the
datastore. So a run takes the deployed value, an object below the flow's own datastore, and what matches a pattern of
the manifest (`include_from`). MFDEPLOY_INCLUDES says what was deployed and which patterns there are.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .metaflow_compat import datastore_roots, how_included

# The descriptions of a file that all versions of Metaflow read: type and sub-type.
_KINDS = (("uploader-v1", None), ("external", None), ("uploader-v2", "uploaded"), ("uploader-v2", "external"))
# What some store, or the client of one, may read as another address.
_AMBIGUOUS = re.compile(r"[\x00-\x1f\x7f%?#\\]")


def included_file(parameter: Any, value: Any, rules: Mapping[str, Any], datastore: str) -> str | None:
    """The value as the option of an IncludeFile takes it; None to leave it out.

    `rules` has `deployed`, values by parameter name, and `allowed`, patterns; `datastore` is the type of the flow's.
    Metaflow gets nothing that a user wrote but an address that was checked: it would read the text in its own way.
    Raises ValueError, with one sentence, for what a run may not give.
    """
    deployed = rules.get("deployed", {}).get(parameter.name)
    if value is None or value == deployed:
        return _text(deployed)
    try:
        given = _description(value)
        if given is not None and given == _description(deployed):
            return _text(deployed)
    except (ValueError, RecursionError):
        raise ValueError(f"{_shown(value)} is not a description of a file") from None
    address = given.get("url") if given is not None else value
    roots, allowed = datastore_roots(datastore), rules.get("allowed", ())
    if isinstance(address, str) and "://" in address and not address.startswith("local://"):
        found = address if _is_object_below(address, roots) or _matches_any(address, allowed) else None
    else:
        found = _local_file(address, roots, allowed)
    if found is None:
        below = f"an object below {' or '.join(roots)}" if roots else "no other"
        raise ValueError(
            f"an IncludeFile takes the deployed file or {below}, and the run was given {_shown(address)}. "
            "More may be allowed with include_from in the manifest"
        )
    if given is None and "://" not in found:
        return found
    return json.dumps(_clean(given or {"type": "external"}, found, how_included(parameter)))


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(text):,} characters)"


def _description(value: Any) -> dict[str, Any] | None:
    """Metaflow's description of a file in a store, which may be JSON of JSON; None for a path or an address."""
    for _ in range(2):
        if isinstance(value, str) and value.startswith(("{", '"{')):
            value = json.loads(value)
    return value if isinstance(value, dict) else None


def _clean(given: Mapping[str, Any], address: str, how: Mapping[str, Any]) -> dict[str, Any]:
    """A description of that address with what Metaflow reads, and nothing else."""
    kind = given.get("type"), given.get("sub-type")
    if kind not in _KINDS:
        raise ValueError(f"a description of a file has not the type {_shown(kind[0])}")
    encoding = given.get("encoding", how["encoding"])
    found = {
        "type": kind[0],
        "url": address if "://" in address else f"local://{address}",
        "is_text": bool(given.get("is_text", how["is_text"])),
        "encoding": encoding if isinstance(encoding, str) else None,
    }
    if kind[1] is None:
        return found
    size = given.get("size")
    return {**found, "sub-type": kind[1], "size": size if isinstance(size, int) else 0}


def _is_object_below(address: str, roots: Sequence[str]) -> bool:
    return any(_is_plain(address[len(root) :]) for root in roots if "://" in root and address.startswith(root))


def _is_plain(rest: str) -> bool:
    """Whether what comes after a root is a slash and names of which nobody can read another address."""
    first, *names = rest.split("/")
    return not first and bool(names) and not _AMBIGUOUS.search(rest) and not {"", ".", ".."} & set(names)


def _matches_any(address: str, patterns: Sequence[str]) -> bool:
    scheme, _, path = address.partition("://")
    if not _is_plain(f"/{path}"):
        return False
    return any(
        _match(path.split("/"), pattern.partition("://")[2].split("/"))
        for pattern in patterns
        if pattern.partition("://")[0] == scheme and "://" in pattern
    )


def _match(names: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether names match a pattern name by name, in which `**` stands for any number of them."""
    if not pattern:
        return not names
    if pattern[0] == "**":
        return any(_match(names[start:], pattern[1:]) for start in range(len(names) + 1))
    return bool(names) and fnmatch.fnmatchcase(names[0], pattern[0]) and _match(names[1:], pattern[1:])


def _local_file(address: Any, roots: Sequence[str], patterns: Sequence[str]) -> str | None:
    """The path of an allowed regular file, without links; None for all others."""
    path = address[len("local://") :] if isinstance(address, str) and address.startswith("local://") else address
    if not isinstance(path, str) or not path.startswith("/") or "\0" in path or ".." in path.split("/"):
        return None
    path = os.path.realpath(path)
    folders = [*((root, ["**"]) for root in roots if root.startswith("/")), *map(_split, patterns)]
    for folder, pattern in folders:
        # Where the folder itself is a link, its owner made it: what is in it is judged by where that leads.
        real = os.path.realpath(folder).rstrip("/") if folder.startswith("/") else None
        if real is not None and path.startswith(f"{real}/") and _match(path[len(real) + 1 :].split("/"), pattern):
            return path if os.path.isfile(path) else None  # noqa: PTH113 - as the lines above
    return None


def _split(pattern: str) -> tuple[str, list[str]]:
    """The folder that a pattern names without wildcards, and the names after it."""
    names = pattern.split("/")
    plain = next((number for number, name in enumerate(names) if re.search(r"[*?\[]", name)), len(names))
    plain = min(plain, len(names) - 1)
    return "/".join(names[:plain]) or "/", names[plain:]
