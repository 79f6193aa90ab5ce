"""Paths and URLs of manifests: relative to the manifest that holds them, and never out of the project."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from deployer.errors import Location, nearest
from deployer.manifest.fields import ResolvedPath
from deployer.manifest.nodes import Path as NodePath
from deployer.manifest.nodes import Report, Scalar, SecretText, shorten, shown
from deployer.models.credentials import credential_in_url
from deployer.models.deployment import DatastoreType

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_REFERENCE: Final = re.compile(r"\$\{env\.\w+\}")
_NO_SLASHES: Final = re.compile(r"(s3|gs|azure|az|abfss|git\+\w+|https?|file):/?(?!/)")
_SCP: Final = re.compile(r"[\w.-]+@[\w.-]+:")
_DATASTORES: Final[dict[str, DatastoreType]] = {"s3": "s3", "gs": "gs", "azure": "azure"}
_DATASTORE_RULE: Final = "a prefix holds letters, digits and . _ - / = + @ : , and no part of it is . or .."
_OTHER_SCHEMES: Final = {
    "file": "write the path alone",
    "gcs": "write gs://bucket/prefix",
    "abfs": "write azure://container/prefix",
    "abfss": "write azure://container/prefix",
    "s3a": "write s3://bucket/prefix",
}


def resolve_path(node: Scalar) -> ResolvedPath:
    """A path that has been checked, relative to the manifest that holds it.

    Links are kept: a virtual environment's Python is one.
    """
    full = os.path.abspath(Path(node.location.file).parent / str(node.value))  # noqa: PTH100
    return ResolvedPath(shown(node), full, _secrets(node))


def resolve_target(node: Scalar) -> ResolvedPath:
    """A target that has been checked: an absolute path, or the URL without a last slash."""
    text = str(node.value)
    if not _URL.match(text):
        return resolve_path(node)
    return ResolvedPath(shown(node), text.rstrip("/"), _secrets(node))


def _secrets(node: Scalar) -> tuple[tuple[str, str], ...]:
    return node.value.references if isinstance(node.value, SecretText) else ()


def resolve_datastore(node: Scalar) -> tuple[ResolvedPath, DatastoreType]:
    """Root and kind of a datastore that has been checked. A URL's last slash is dropped."""
    text = str(node.value)
    if _URL.match(text):
        return ResolvedPath(text, text.rstrip("/")), _DATASTORES[text.split("://")[0]]
    return resolve_path(node), "local"


def check_path(node: Scalar, path: NodePath, report: Report) -> bool:
    """Whether the text can be a path on every machine alike."""
    text = str(node.value)
    if text.startswith("~"):
        hint = "the home folder differs between those who plan; write a path relative to the manifest"
        report.error("bad-path", f"{shorten(shown(node))!r} starts in a home folder", node.location, path, hint)
    else:
        return True
    return False


def check_file(node: Scalar, path: NodePath, root: Path | None, report: Report) -> None:
    """The file must exist; with a `root` it must also lie below it, links followed."""
    if not check_path(node, path, report):
        return
    text = str(node.value)
    full = Path(resolve_path(node).resolved)
    try:
        real = full.resolve(strict=True)
        is_file = real.is_file()
    except (OSError, RuntimeError, ValueError):
        report.error("bad-path", f"no file {shorten(text)!r}", node.location, path, _near_file(full, node.location))
        return
    if not is_file:
        report.error("bad-path", f"{shorten(text)!r} is not a file", node.location, path)
    elif root is not None and not real.is_relative_to(root):
        message = f"{shorten(text)!r} leads out of the project's folder {str(root)!r}"
        report.error("bad-path", message, node.location, path, "keep flows beside or below the manifest folder")


def _near_file(full: Path, holder: Location) -> str:
    try:
        names = [entry.name for entry in full.parent.iterdir() if entry.is_file()]
    except (OSError, ValueError):
        return f"paths are relative to the manifest {holder.file}"
    return nearest(full.name, sorted(names)) or f"paths are relative to the manifest {holder.file}"


def check_target(node: Scalar, path: NodePath, report: Report) -> None:
    """A path or a URL, with no password but in ``${env.X}``; which kinds of URL there are is the targets' to know."""
    text = str(node.value)
    if not _check_no_password(node, path, report):
        return
    if _URL.match(text):
        # Without its last slashes it would be the path of a folder.
        if not text.partition("://")[2].strip("/"):
            message = f"{shorten(shown(node))!r} names no bucket and no repository"
            report.error("bad-path", message, node.location, path, "write what follows the two slashes")
    elif _SCP.match(text):
        fixed = "user@host/repository.git" if isinstance(node.value, SecretText) else text.replace(":", "/", 1)
        hint = f"write git+ssh://{fixed}"
        report.error("bad-path", f"{shorten(shown(node))!r} is neither a path nor a URL", node.location, path, hint)
    elif _has_its_slashes(node, path, report):
        check_path(node, path, report)


def _has_its_slashes(node: Scalar, path: NodePath, report: Report) -> bool:
    """Whether a text that begins as a URL is one: ``s3:/bucket`` would be a folder called ``s3:``."""
    found = _NO_SLASHES.match(str(node.value))
    if found:
        message = f"{shorten(shown(node))!r} is neither a path nor a URL"
        hint = f"write {found[1]}:// with two slashes, or ./ before a folder of that name"
        report.error("bad-path", message, node.location, path, hint)
    return not found


def check_datastore(node: Scalar, compute: object, path: NodePath, report: Report) -> None:
    """A URL that Metaflow has a datastore for, or a path; pods cannot reach a path."""
    text = str(node.value)
    if not _check_no_password(node, path, report):
        return
    if not _URL.match(text):
        if not _has_its_slashes(node, path, report):
            return
        if check_path(node, path, report) and compute == "kubernetes":
            message = f"pods cannot reach the folder {shorten(text)!r} of this machine"
            hint = "with `compute: kubernetes` write s3://..., gs://... or azure://..."
            report.error("bad-datastore", message, node.location, path, hint)
        return
    scheme, rest = text.split("://", 1)
    if scheme not in _DATASTORES:
        message = f"unknown datastore {shorten(text)!r}, expected s3://, gs://, azure:// or a path"
        hint = _OTHER_SCHEMES.get(scheme) or nearest(scheme, _DATASTORES)
        report.error("bad-datastore", message, node.location, path, hint)
    elif not re.match(r"[A-Za-z0-9][A-Za-z0-9._-]+(/|\Z)", rest) or re.search(r"[\s?#\\]|//", rest):
        message = f"{shorten(text)!r} is not of the form {scheme}://bucket/prefix"
        report.error("bad-datastore", message, node.location, path)
    elif not re.fullmatch(r"[\w./=+@:,-]*", rest) or re.search(r"(?:/|\A)\.{1,2}(?:/|\Z)", rest):
        # Metaflow writes it into the script of a task, between quotes that it does not look for.
        message = f"{shorten(text)!r} cannot be a datastore: {_DATASTORE_RULE}"
        report.error("bad-datastore", message, node.location, path)


def _check_no_password(node: Scalar, path: NodePath, report: Report) -> bool:
    found = credential_in_url(_REFERENCE.sub("", shown(node)))
    if not found:
        return True
    # Without the text: it is the secret.
    hint = "leave it out; credentials come from the machine that plans and applies"
    if found == "a password" and path[-1] == "target":
        hint = "write ${env.NAME} in its place, or leave it out: the machine that plans may have credentials of its own"
    report.error("secret-in-dag", f"the URL holds {found}", node.location, path, hint)
    return False
