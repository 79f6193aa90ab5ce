"""What goes into a code package: the user's files, and Metaflow's own."""

from __future__ import annotations

import hashlib
from functools import cache

from ..protocol import Problem
from .archive import Shared
from .metaflow_compat import CodePackage, metaflow_files
from .problems import FlowError
from .regular_file import digest_of, open_regular

# A part of each DAG file's docstring, and how far into the file it may be.
_RENDERED = b"\nRendered by mfdeploy. Do not edit it here: "
_HEAD_BYTES = 2048


@cache
def shared_files() -> Shared:
    """Metaflow's own files, which are the same in every package of this process."""
    return Shared({path: file for file, path in metaflow_files()})


@cache
def metaflow_digest() -> str:
    """SHA-256 over the names and contents of Metaflow's files."""
    digest = hashlib.sha256()
    for path, file in shared_files().files.items():
        digest.update(f"{path}\0{sha256(file)}\n".encode())
    return digest.hexdigest()


@cache
def is_dag_file(file: str) -> bool:
    """Whether a file was rendered by mfdeploy. It is not part of a flow's code: where DAG files are published below the
    folder of a flow, each apply would otherwise change that flow, and so the next plan."""
    if not file.endswith(".py"):
        return False
    try:
        with open_regular(file) as stream:
            return _RENDERED in stream.read(_HEAD_BYTES)
    except OSError:
        return False  # reported when it is read for the package


def user_files(package: CodePackage) -> dict[str, str]:
    """Path in the package -> file, of everything that is not Metaflow's: sorted by path."""
    return {path: file for path, file in sorted(package.user_files.items()) if not is_dag_file(file)}


def below_code_folder(package: CodePackage) -> dict[str, str]:
    """The same files, modules that are packaged under their own names by these: path below the folder of code -> file.

    The files of the flow's folder are beside that folder.
    """
    return {path.removeprefix(package.code_folder): file for path, file in user_files(package).items()}


def file_digests(package: CodePackage) -> dict[str, str]:
    """Path in the package -> first 16 hex digits of its SHA-256, for the user's files."""
    return {path: sha256(file)[:16] for path, file in user_files(package).items()}


def sha256(file: str) -> str:
    try:
        return digest_of(file)
    except OSError as error:
        raise unreadable(file, error) from None


def unreadable(file: str, error: OSError) -> FlowError:
    """The error of a file that is to be in a code package."""
    message = f"cannot be read for the code package: {error.strerror}"
    return FlowError(Problem("unreadable-file", message, file, 1))
