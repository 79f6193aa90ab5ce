"""What goes into a code package: the user's files, and Metaflow's own."""

from __future__ import annotations

import hashlib
import itertools
import sys
import types
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from .problems import FlowError, Problem

# Compute decorators check there for a client library that only their own launcher needs.
_CLIENT_CHECKS = ("kubernetes", "batch")
# What the docstring of a DAG file says, and how far into the file that may be.
_RENDERED = b"\nRendered by mfdeploy. Do not edit it here: "
_HEAD_BYTES = 2048


@lru_cache(maxsize=1)
def metaflow_files() -> tuple[tuple[str, str], ...]:
    """(file, path in the package) of Metaflow's files and those of its extensions, found once for all flows."""
    from metaflow.packaging_sys.v1 import MetaflowCodeContentV1

    content = MetaflowCodeContentV1(criteria=lambda module: False)
    return tuple(sorted(content._cached_metaflow_files, key=lambda pair: str(pair[1])))


@lru_cache(maxsize=1)
def metaflow_digest() -> str:
    """SHA-256 over the names and contents of Metaflow's files."""
    digest = hashlib.sha256()
    for file, path in metaflow_files():
        digest.update(f"{path}\0{sha256(file)}\n".encode())
    return digest.hexdigest()


def rule_out_loaded_modules() -> None:
    """Lets Metaflow ask only modules that come later, and those that once said so, whether they want to be packed.

    It asks each of some 800 modules for each flow; what Metaflow itself loaded answers the same every time, and to look
    at a module at all costs a child the memory that it shares with its parent.
    """
    from metaflow.packaging_sys import v1

    asked = {
        name
        for name, module in tuple(sys.modules.items())
        # Extensions may hold decorators, whose modules Metaflow packs when a flow uses them.
        if name.startswith("metaflow_extensions") or hasattr(module, "METAFLOW_PACKAGE_POLICY")
    }
    last = next(reversed(sys.modules))

    class Loaded(types.ModuleType):
        """`sys` with those modules only."""

        @property
        def modules(self) -> dict[str, types.ModuleType]:
            later = itertools.takewhile(lambda name: name != last, reversed(sys.modules))
            return {name: sys.modules[name] for name in {*asked, *later, "__main__"} if name in sys.modules}

        def __getattr__(self, name: str) -> Any:
            return getattr(sys, name)

    v1.sys = Loaded("sys")


def open_package(obj: Any, folder: str | None = None) -> Any:
    """Metaflow's package of a flow with its files found, but no archive made and nothing stored.

    With a `folder`, the packages that the flow asks for (`@conda`, `@pypi`) are resolved, stored in the datastore and
    listed there; it must be kept until the archive is made. Without one nothing is resolved.
    """
    from metaflow.package import MetaflowPackage
    from metaflow.packaging_sys.v1 import MetaflowCodeContentV1
    from metaflow.user_configs.config_parameters import dump_config_values

    MetaflowCodeContentV1._metaflow_distribution_files = lambda self: iter(metaflow_files())
    MetaflowCodeContentV1._metaflow_extension_files = lambda self: iter(())

    class Package(MetaflowPackage):  # type: ignore[misc]
        """Runs in a thread of Metaflow's, which keeps an exception for later."""

        error: BaseException | None = None

        def _package_and_upload(self) -> None:
            try:
                _init_packages(obj)
                self._mfcontent.add_info(self._environment.get_environment_info(include_ext_info=True))
                self._mfcontent.add_config(dump_config_values(self._flow))
                self._add_addl_files()
                own = (pair for pair in self._user_code_tuples() if not is_dag_file(pair[0]))
                self._cached_user_members = sorted(own, key=lambda pair: str(pair[1]))
            except BaseException as error:
                self.error = error

    if folder is None:
        obj.environment.init_environment = lambda *_, **__: None
    elif hasattr(obj.environment, "set_local_root"):
        obj.environment.set_local_root(folder)
    package = Package(obj.flow, obj.environment, obj.echo, suffixes=obj.package_suffixes)
    package._create_thread.join()
    if package.error is not None:
        raise package.error
    return package


def _init_packages(obj: Any) -> None:
    for step in obj.flow:
        for decorator in step.decorators:
            if decorator.name in _CLIENT_CHECKS:
                continue
            if getattr(decorator, "package_init_ctx", None) is not None:
                decorator.package_init_ctx(step.__name__)
            else:
                decorator.package_init(obj.flow, step.__name__, obj.environment)


@cache
def is_dag_file(file: str) -> bool:
    """Whether a file was rendered by mfdeploy. It is no flow's code: where DAG files are published below the folder of
    a flow, each apply would be a change of that flow, and so of the next plan."""
    if not file.endswith(".py"):
        return False
    try:
        with Path(file).open("rb") as stream:
            return _RENDERED in stream.read(_HEAD_BYTES)
    except OSError:
        return False  # told when it is read for the package


def user_files(package: Any) -> dict[str, str]:
    """Path in the package -> file, of everything that is not Metaflow's: sorted by path."""
    found = {path: file for file, path in package._cached_user_members}
    content = package._mfcontent
    for more in (content._files, content._files_from_modules, content._other_files):
        found.update((path, file) for file, path in more.items())
    return dict(sorted(found.items()))


def file_digests(package: Any) -> dict[str, str]:
    """Path in the package -> first 16 hex digits of its SHA-256, for the user's files."""
    return {path: sha256(file)[:16] for path, file in user_files(package).items()}


def sha256(file: str) -> str:
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError as error:
        message = f"cannot be read for the code package: {error.strerror}"
        raise FlowError(Problem("unreadable-file", message, file, 1)) from None
