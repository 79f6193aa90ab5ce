"""Every name of Metaflow's inside that the worker touches, and why; differences between versions are handled here.

Features are looked for, versions are not compared: builds of Metaflow by others have numbers of their own. What tasks
need as well is in the runtime's module of this name. Elsewhere the worker imports `metaflow`, `metaflow.exception`,
`metaflow.metaflow_config` and `metaflow.plugins` only, which users and extensions of Metaflow import, too.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import itertools
import json
import sys
import types
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

from metaflow import cli, decorators, flowspec, lint, metaflow_config_funcs, metaflow_version, parameters, util
from metaflow import graph as flow_graph
from metaflow import package as metaflow_package
from metaflow._vendor import click
from metaflow.datastore.content_addressed_store import ContentAddressedStore
from metaflow.exception import MetaflowException
from metaflow.includefile import FilePathClass, IncludeFile
from metaflow.metaflow_config import DATATOOLS_CLIENT_PARAMS
from metaflow.mflog import export_mflog_env_vars
from metaflow.parameters import DeployTimeField, deploy_time_eval
from metaflow.plugins.airflow.airflow import Airflow
from metaflow.plugins.airflow.sensors.base_sensor import AirflowSensorDecorator
from metaflow.plugins.aws.step_functions.production_token import new_token
from metaflow.plugins.datatools.s3 import s3
from metaflow.user_configs.config_options import ConfigInput, ConvertPath, config_options
from metaflow.user_configs.config_parameters import dump_config_values

from ...runtime.mfdeploy_task.metaflow_compat import (
    accept_flow_options,
    constructor_replaced,
    disable_step_decorator,
    is_json_type,
    new_main_module,
    parameters_of,
    read_shared_memory,
    step_decorators,
    unwrap_flow,
)
from .source import lines_of

try:
    from metaflow.packaging_sys import v1 as packaging
    from metaflow.packaging_sys.utils import suffix_filter, walk
    from metaflow.packaging_sys.v1 import MetaflowCodeContentV1
except ImportError:
    # Before 2.16 one class, MetaflowPackage, found all files of a package.
    from metaflow.extension_support import package_mfext_all

    MetaflowCodeContentV1 = None
try:
    from metaflow import metaflow_git
except ImportError:
    # Not in the first releases of 2.15.
    metaflow_git = None

__all__ = [
    "ClickException",
    "CodePackage",
    "DeployTimeField",
    "FlowGraphError",
    "UnknownStepDecorator",
    "arguments_of",
    "check_decorator_spec",
    "check_parameters",
    "config_keys",
    "config_values",
    "configuration",
    "constructor_replaced",
    "content_store",
    "deploy_time_eval",
    "disable_step_decorator",
    "end_step",
    "export_mflog_env_vars",
    "export_package_commands",
    "fetch_package_commands",
    "file_of_config",
    "file_of_include",
    "flow_decorators",
    "flow_options",
    "get_username",
    "get_version",
    "graph_of",
    "initialize_decorator",
    "is_added",
    "is_file_type",
    "is_inserted",
    "is_json_type",
    "is_sensor",
    "limit_s3_requests",
    "look_for_files",
    "metaflow_files",
    "new_main_module",
    "new_token",
    "open_package",
    "package_policy",
    "package_uri",
    "parameters_of",
    "preload",
    "run_command",
    "save_token",
    "sensor_task_name",
    "set_included_file",
    "start_step",
    "step_decorators",
    "steps_of",
    "switch_of",
    "token_path",
    "unwrap_flow",
    "user_decorators",
    "user_defined_attributes",
    "user_files_below",
]

ClickException = click.ClickException
FlowGraphError = lint.LintWarn
UnknownStepDecorator = decorators.UnknownStepDecoratorException

Result = TypeVar("Result")
# Pairs of a file and its path in a package.
FilePairs = tuple[tuple[str, str], ...]

# Compute decorators check there for a client library that only their own launcher needs.
_CLIENT_CHECKS = ("kubernetes", "batch")
# What Metaflow imports for each flow, some of it in functions: imported before there are children.
_PRELOADED = (
    "cli_args",
    "cli_components.utils",
    "plugins.cards.card_cli",
    "plugins.kubernetes.kubernetes",
    "plugins.package_cli",
    "pylint_wrapper",
    "system",
)


# The process that compiles.


def preload() -> None:
    """Imports what every flow needs, and does what would come out the same for each."""
    for name in _PRELOADED:
        with suppress(ImportError):  # what is not there in this version is not imported by it
            importlib.import_module(f"metaflow.{name}")
    if metaflow_git is not None:
        # Metaflow would run git in the flow's folder, whose configuration may name programs, and note in the package
        # what it says: equal code would be another package after a commit.
        metaflow_git._git_info_cache = {}
    # Metaflow keeps it. Before 2.16 it runs git to find it, after which no child's description could be used again.
    get_version()
    read_shared_memory()
    _look_for_boto3_only()
    _read_sources_once()
    if MetaflowCodeContentV1 is not None:
        _ask_later_modules_only()


def _read_sources_once() -> None:
    """Lets Metaflow read and parse the source of each step once: it builds a flow's graph three times.

    The graph's nodes look at the trees and change nothing in them. A plan of 100 flows takes 1.16 times the processor
    time without this.
    """
    flow_graph.deindent_docstring = cache(flow_graph.deindent_docstring)
    flow_graph.inspect = _with(inspect, getsourcelines=cache(lines_of))
    flow_graph.ast = _with(ast, parse=cache(ast.parse))


def _with(module: types.ModuleType, **others: Any) -> types.ModuleType:
    """A copy of a module with some of its names standing for something else, for one user of it."""
    found = types.ModuleType(module.__name__)
    vars(found).update(vars(module), **others)
    return found


def _ask_later_modules_only() -> None:
    """Lets Metaflow ask only modules that are imported later, and those that once said so, whether they are packed.

    It asks each of some 800 modules for each flow. What is loaded now answers the same each time, and to look at a
    module at all costs a child the memory that it shares with its parent. A plan of 100 flows takes 1.17 times the
    processor time without this.
    """
    asked = {
        name
        for name, module in tuple(sys.modules.items())
        # Extensions may hold decorators, whose modules Metaflow packs when a flow uses them. In 2.16.0 modules
        # asked to be packed by the second name.
        if name.startswith("metaflow_extensions")
        or hasattr(module, "METAFLOW_PACKAGE_POLICY")
        or hasattr(module, "METAFLOW_PACKAGE")
    }
    last = next(reversed(sys.modules))

    class LaterModules(types.ModuleType):
        """`sys`, with those modules only."""

        @property
        def modules(self) -> dict[str, types.ModuleType]:
            later = itertools.takewhile(lambda name: name != last, reversed(sys.modules))
            return {name: sys.modules[name] for name in {*asked, *later, "__main__"} if name in sys.modules}

        def __getattr__(self, name: str) -> Any:
            return getattr(sys, name)

    packaging.sys = LaterModules("sys")


def _look_for_boto3_only() -> None:
    """Lets Metaflow look whether boto3 is there, where it imports it for each datastore in S3 and uses it in none.

    A plan of one flow takes 1.26 times as long without this.
    """
    is_there = importlib.util.find_spec("boto3") is not None

    def check() -> None:
        if not is_there:
            raise MetaflowException("You need to install 'boto3' in order to use S3.")

    s3._check_and_init_s3_deps = check


def get_version() -> str:
    """Metaflow's own version, as it notes it for each run."""
    return metaflow_version.get_version()  # type: ignore[no-any-return]


def configuration() -> frozenset[str]:
    """The METAFLOW_* settings that this Metaflow and its extensions know: those that it has looked for."""
    return frozenset(metaflow_config_funcs._all_configs)


def get_username() -> str | None:
    """Who Metaflow takes the user for."""
    return util.get_username()  # type: ignore[no-any-return]


# Flows.


def graph_of(flow: Any) -> Any:
    """The graph of a flow class."""
    return flow._graph


def steps_of(flow: Any) -> list[Any]:
    """The step functions of a flow class."""
    return list(flow._steps)


def start_step(graph: Any) -> str:
    """The name of the first step, which is one of the user's choice in newer versions only."""
    return getattr(graph, "start_step", "start")


def end_step(graph: Any) -> str:
    """The name of the last step."""
    return getattr(graph, "end_step", "end")


def switch_of(node: Any) -> tuple[str | None, dict[str, str]]:
    """What a step's choice depends on, and the steps by its value. Before 2.18 there were no switches."""
    cases = getattr(node, "switch_cases", None) or {}
    return getattr(node, "condition", None), {str(case): name for case, name in cases.items()}


def flow_decorators(flow: Any) -> Mapping[str, list[Any]]:
    """The decorators of a flow or flow class, by name."""
    items = getattr(flowspec, "FlowStateItems", None)
    # Since 2.19.10 they are part of the flow's state, and no attribute of the class.
    return flow._flow_decorators if items is None else flow._flow_state[items.FLOW_DECORATORS]  # type: ignore[no-any-return]


def flow_options(flow: Any) -> dict[str, Any]:
    """The command-line options that the decorators of a flow ask tasks to be given."""
    found: dict[str, Any] = {}
    for of_name in flow_decorators(flow).values():
        for decorator in of_name:
            found.update(decorator.get_top_level_options())
    return found


def config_values(flow: Any) -> dict[str, Any]:
    """The resolved value of each Config."""
    values = dump_config_values(flow).get("user_configs", {})
    if hasattr(flowspec, "FlowStateItems"):
        # Since 2.19.10 whether a value is plain text is noted beside it.
        return {name: value for name, (value, _) in values.items()}
    return dict(values)


def config_keys(flow: Any) -> dict[str, str]:
    """For each Config, what says on a task's command line that its value is in the code package."""
    return {
        parameter.name: ConfigInput.make_key_name(parameter.name)
        for _, parameter in parameters_of(flow)
        if parameter.IS_CONFIG_PARAMETER
    }


def check_parameters(flow: Any) -> None:
    """Raises MetaflowException for parameters of one name."""
    flow._check_parameters(config_parameters=False)


def file_of_config(parameter: Any) -> object:
    """The path, or the function that gives it, that the code names as a Config's file; None where it names none."""
    is_file = parameter.IS_CONFIG_PARAMETER and parameter._default_is_file
    return parameter.kwargs.get("default") if is_file else None


def file_of_include(parameter: Any) -> object:
    """The path, or the function that gives it, of an initialized IncludeFile; None for others and without one."""
    default = parameter.kwargs.get("default")
    is_file = is_file_type(parameter.kwargs.get("type")) and default is not None
    return default.print_representation if is_file else None


def look_for_files(find: Callable[[str], str]) -> None:
    """Lets Metaflow open the file of a Config or an IncludeFile at the path that `find` makes of the one it has."""
    config_file, included_file = ConvertPath.convert_value, FilePathClass.convert

    def convert_value(value: Any, is_default: bool) -> Any:
        return config_file(find(value) if isinstance(value, str) else value, is_default)

    def convert(self: Any, value: Any, *context: Any) -> Any:
        return included_file(self, find(value) if isinstance(value, str) else value, *context)

    ConvertPath.convert_value = staticmethod(convert_value)
    FilePathClass.convert = convert


def set_included_file(parameter: Any, file: str) -> None:
    """Gives an initialized IncludeFile a file as its default, in place of the one in the code, if any."""
    kind = parameter.kwargs["type"]
    evaluate = IncludeFile._eval_default(kind._is_text, kind._encoding, file)
    default = DeployTimeField(parameter.name, str, "default", evaluate, print_representation=file)
    parameter.kwargs.update(default=default, required=False)


def is_file_type(kind: object) -> bool:
    """Whether a parameter's type is that of an `IncludeFile`."""
    return isinstance(kind, FilePathClass)


# Decorators.


def user_decorators(node: Any) -> tuple[Any, ...]:
    """The decorators of a step that users wrote themselves; none before 2.16."""
    return (*getattr(node, "wrappers", ()), *getattr(node, "config_decorators", ()))


def arguments_of(decorator: Any) -> dict[str, Any]:
    """What was given to a decorator that a user wrote."""
    return {**({"args": decorator._args} if decorator._args else {}), **decorator._kwargs}


def user_defined_attributes(decorator: Any) -> frozenset[str] | None:
    """The attributes that a user gave to a decorator of Metaflow; None for one that a user wrote."""
    found = getattr(decorator, "_user_defined_attributes", None)
    return frozenset(found) if isinstance(found, set) else None


def is_added(decorator: Any) -> bool:
    """Whether a decorator is there because of the command line: neither in the code nor put there by a mutator."""
    return not decorator.statically_defined and not is_inserted(decorator)


def is_inserted(decorator: Any) -> bool:
    """Whether a mutator put a decorator there."""
    return getattr(decorator, "inserted_by", None) is not None


def initialize_decorator(decorator: Any) -> None:
    """Completes a decorator's attributes."""
    # Before 2.16 it was called so.
    (decorator.external_init if hasattr(decorator, "external_init") else decorator.init)()


def check_decorator_spec(spec: str) -> None:
    """Raises UnknownStepDecorator, or whatever the decorator raises, where ``--with SPEC`` would fail."""
    if hasattr(decorators, "extract_step_decorator_from_decospec"):
        decorators.extract_step_decorator_from_decospec(spec)
        return
    # Before 2.16.
    name, _, attributes = spec.partition(":")
    if name not in step_decorators():
        raise UnknownStepDecorator(name)
    step_decorators()[name]._parse_decorator_spec(attributes)


def is_sensor(decorator: Any) -> bool:
    """Whether a flow decorator is one that becomes a sensor of Airflow."""
    return isinstance(decorator, AirflowSensorDecorator)


def sensor_task_name(decorator: Any) -> str:
    """The name of the sensor's task, which Metaflow makes where the user gave none."""
    return decorator._airflow_task_name  # type: ignore[no-any-return]


# The command line.


def run_command(
    flow: Any, name: str, arguments: list[str], check: Callable[[], None], use: Callable[[Any], Result]
) -> Result:
    """What `use` makes of the state of Metaflow's command line (`obj`: flow, graph, environment, datastore, ...).

    The state is that of a command called `name` with these top-level arguments. The graph has been checked. `check` is
    called before that, once the mutators of flow and steps have changed the flow and before its decorators are
    initialized.
    """
    results: list[Result] = []

    def command(obj: Any) -> None:
        lint.linter.run_checks(obj.graph)
        results.append(use(obj))

    pre_mutate = flow._process_config_decorators

    def pre_mutate_and_check(*args: Any, **kwargs: Any) -> Any:
        found = pre_mutate(*args, **kwargs)
        check()
        return found

    flow._process_config_decorators = staticmethod(pre_mutate_and_check)
    instance = flow(use_cli=False)
    with parameters.flow_context(flow):
        # Metaflow does this when the module is imported, with the options of the flow at hand; here there was none yet.
        start = decorators.add_decorator_options(config_options(cli.start))
        accept_flow_options(cli)
        cli.cli.add_command(click.command(name)(click.pass_obj(command)))
        state = cli.CliState(instance)
        state.entrypoint = [sys.executable, sys.argv[0]]
        start.main(args=[*arguments, name], obj=state, standalone_mode=False, prog_name=sys.argv[0])
    return results[0]


# Code packages.


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


# The datastore.


def limit_s3_requests(limit: float) -> None:
    """Make requests to S3 fail in time that three of them, which Metaflow makes, take less than `limit` seconds.

    botocore waits for a minute, and by Metaflow's setting tries ten times. Metaflow gives this dict to each client
    that it makes. Before 2.16 it passes it on as it is, so that the value must be botocore's own.
    """
    from botocore.config import Config

    retries = {"total_max_attempts": 1, "mode": "standard"}
    config = Config(connect_timeout=min(5, limit / 12), read_timeout=limit / 5, retries=retries)
    DATATOOLS_CLIENT_PARAMS.setdefault("config", config)


def content_store(storage: Any, flow: str) -> Any:
    """The store of a flow's packages and artifacts by their SHA-1, as its datastore has it."""
    return ContentAddressedStore(storage.path_join(flow, "data"), storage)


def package_uri(storage: Any, flow: str, sha: str) -> str:
    """Where that store keeps a content."""
    return storage.full_uri(storage.path_join(flow, "data", sha[:2], sha))  # type: ignore[no-any-return]


def token_path(name: str) -> str:
    """Where ``airflow create`` keeps the production token of a DAG, in a storage."""
    return Airflow.get_token_path(name)  # type: ignore[no-any-return]


def save_token(storage: Any, name: str, token: str) -> None:
    """Stores a production token as ``airflow create`` does; one that is there stays."""
    content = json.dumps({"production_token": token, "owner": get_username()})
    storage.save_bytes([(token_path(name), BytesIO(content.encode()))], overwrite=False)
