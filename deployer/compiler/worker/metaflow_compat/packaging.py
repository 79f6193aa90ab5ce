"""Code packages: the files that Metaflow finds for a flow, and its own; the commands that fetch and unpack them."""

from __future__ import annotations

import inspect
import json
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from metaflow import cli
from metaflow import package as metaflow_package
from metaflow.user_configs.config_parameters import dump_config_values

try:
    from metaflow.packaging_sys.utils import suffix_filter, walk
    from metaflow.packaging_sys.v1 import MetaflowCodeContentV1
except ImportError:
    # Before 2.16 one class, MetaflowPackage, found all files of a package.
    from metaflow.extension_support import package_mfext_all

    MetaflowCodeContentV1 = None

# Pairs of a file and its path in a package.
FilePairs = tuple[tuple[str, str], ...]

# Compute decorators check there for a client library that only their own launcher needs.
_CLIENT_CHECKS = ("kubernetes", "batch")


@dataclass(frozen=True)
class CodePackage:
    """The files of a flow's code package, of which no archive was made.

    `user_files` are all that are not Metaflow's, by their path in the package; those that it found in the flow's folder
    have one of the `suffixes` and are in none of the `excluded` folders. The `optional` ones are there because of their
    folder, or because their module asks for it, and no decorator or environment needs them. Code is below
    `code_folder`, and `metadata` is what tasks get as METAFLOW_CODE_METADATA; both are empty before 2.16. `generate`
    makes the files that Metaflow writes itself, for the `user_files` that are packaged.
    """

    user_files: Mapping[str, str]
    optional: frozenset[str]
    suffixes: tuple[str, ...]
    excluded: tuple[str, ...]
    code_folder: str
    metadata: str
    generate: Callable[[Collection[str]], Mapping[str, bytes]]


def open_package(obj: Any, folder: str | None = None) -> CodePackage:
    """Metaflow's package of a flow with its files found, but no archive made and nothing stored.

    With a `folder`, the packages that the flow asks for (`@conda`, `@pypi`) are resolved, stored in the datastore and
    listed there; it must be kept until the archive is made. Without one nothing is resolved.
    """
    if folder is None:
        obj.environment.init_environment = lambda *_, **__: None
    elif hasattr(obj.environment, "set_local_root"):
        obj.environment.set_local_root(folder)
    return _open_package_of_2_15(obj) if MetaflowCodeContentV1 is None else _open_package(obj)


def _open_package(obj: Any) -> CodePackage:
    class Package(metaflow_package.MetaflowPackage):  # type: ignore[misc]
        """Makes no archive, which the constructor would begin in a thread."""

        def _package_and_upload(self) -> None:
            pass

    package = Package(obj.flow, obj.environment, obj.echo, suffixes=obj.package_suffixes)
    package._create_thread.join()
    _initialize_packages(obj)
    content = package._mfcontent
    # Of modules that ask for it themselves, and not of those that decorators add next.
    optional = set(content._files_from_modules.values())
    package._add_addl_files()
    found = {path: file for file, path in package._user_code_tuples()}
    # In 2.19 decorators can add files beside the flow's own.
    optional |= found.keys() - set(getattr(package, "_user_content_from_addl", ()))
    for more in (content._files, content._files_from_modules, content._other_files):
        found.update((path, file) for file, path in more.items())

    def generate(packaged: Collection[str]) -> Mapping[str, bytes]:
        modules = content._files_from_modules
        content._files_from_modules = {file: path for file, path in modules.items() if path in packaged}
        content.add_info(obj.environment.get_environment_info(include_ext_info=True))
        content.add_config(dump_config_values(obj.flow))
        return {name: data for data, name in content.contents() if isinstance(data, bytes)}

    return CodePackage(
        found,
        frozenset(optional),
        tuple(sorted(package._suffixes or ())),
        tuple(sorted(package._exclude_tl_dirs)),
        f"{content._code_dir}/",
        package.package_metadata,
        generate,
    )


def _open_package_of_2_15(obj: Any) -> CodePackage:
    # Its constructor makes the archive.
    package = object.__new__(metaflow_package.MetaflowPackage)
    package._flow, package.environment, package.metaflow_root = obj.flow, obj.environment, _metaflow_root()
    package.suffixes = sorted({*obj.package_suffixes, *metaflow_package.DEFAULT_SUFFIXES_LIST})
    obj.environment.init_environment(obj.echo)
    _initialize_packages(obj)
    own = set(metaflow_files())
    pairs = [pair for pair in package.path_tuples() if pair not in own]
    often = Counter(path for _, path in pairs)
    below = user_files_below(str(Path(sys.argv[0]).absolute().parent), tuple(package.suffixes), ())
    optional = frozenset(path for _, path in below if often[path] == 1)  # twice: a decorator adds it, too

    def generate(packaged: Collection[str]) -> Mapping[str, bytes]:
        info = obj.environment.get_environment_info(include_ext_info=True)
        contents = {"INFO": info, "CONFIG_PARAMETERS": dump_config_values(obj.flow)}
        return {name: json.dumps(content).encode() for name, content in contents.items()}

    return CodePackage({path: file for file, path in pairs}, optional, tuple(package.suffixes), (), "", "", generate)


@cache
def package_policy() -> str:
    """The statement with which a module that is imported asks to be packaged; empty before 2.16."""
    if MetaflowCodeContentV1 is None:
        return ""
    is_named_so = "METAFLOW_PACKAGE_POLICY" in inspect.getsource(metaflow_package)
    # In 2.16.0 any value did, by another name.
    return 'METAFLOW_PACKAGE_POLICY = "include"' if is_named_so else "METAFLOW_PACKAGE = True"


def _initialize_packages(obj: Any) -> None:
    """Lets decorators prepare what they add to the package."""
    for step in obj.flow:
        for decorator in step.decorators:
            if decorator.name in _CLIENT_CHECKS:
                continue
            if getattr(decorator, "package_init_ctx", None) is not None:
                decorator.package_init_ctx(step.__name__)
            else:
                decorator.package_init(obj.flow, step.__name__, obj.environment)


@cache
def metaflow_files() -> FilePairs:
    """Metaflow's files and those of its extensions, found once for all flows."""
    if MetaflowCodeContentV1 is not None:
        found = MetaflowCodeContentV1(criteria=lambda module: False)._cached_metaflow_files
    else:
        suffixes = metaflow_package.METAFLOW_SUFFIXES_LIST
        found = [*_walk_of_2_15(_metaflow_root(), exclude_hidden=False, suffixes=suffixes), *package_mfext_all()]
    return tuple(sorted(((str(file), str(path)) for file, path in found), key=lambda pair: pair[1]))


def user_files_below(folder: str, suffixes: tuple[str, ...], excluded: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """File and path in the package of the user's files that Metaflow finds in a flow's folder."""
    if MetaflowCodeContentV1 is None:
        yield from _walk_of_2_15(f"{folder}/", suffixes=list(suffixes))
    else:
        yield from walk(f"{folder}/", file_filter=suffix_filter(list(suffixes)), exclude_tl_dirs=list(excluded))


def _walk_of_2_15(*args: Any, **kwargs: Any) -> Iterator[tuple[str, str]]:
    yield from metaflow_package.MetaflowPackage._walk(None, *args, **kwargs)  # a method that uses nothing of its object


def _metaflow_root() -> str:
    return str(Path(cli.__file__).parent)


def fetch_package_commands(environment: Any, url: str, datastore_type: str, metadata: str) -> list[str]:
    """The commands with which Metaflow's own schedulers fetch and unpack a package."""
    # Since 2.16 the metadata say how a package is unpacked.
    return environment.get_package_commands(url, datastore_type, *([metadata] if metadata else []))  # type: ignore[no-any-return]


def export_package_commands(metadata: str) -> list[str]:
    """The exports that let Python find the code of a package that was unpacked into the working directory."""
    if not metadata:
        return []
    exports = metaflow_package.MetaflowPackage.get_post_extract_env_vars(metadata, dest_dir='"$PWD"')
    return [f"export {name.rstrip(':')}={value}" for name, value in exports.items()]
