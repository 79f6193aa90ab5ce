"""Every name of Metaflow's inside that a task touches, and why; differences between versions are handled here.

Features are looked for, versions are not compared: builds of Metaflow by others have numbers of their own. The worker,
which compiles flows, uses the first part as well. Python may be older here than where flows are compiled.
"""

from __future__ import annotations

import builtins
import importlib
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

from metaflow import FlowSpec, cli_args, current, decorators, metaflow_config, parameters, plugins, task
from metaflow._vendor import click
from metaflow.datastore.task_datastore import TaskDataStore
from metaflow.events import Trigger
from metaflow.includefile import FilePathClass
from metaflow.metadata_provider import MetaDatum
from metaflow.mflog import TASK_LOG_SOURCE, mflog, update_delay
from metaflow.mflog.save_logs import save_logs
from metaflow.parameters import JSONTypeClass
from metaflow.plugins.argo import argo_events
from metaflow.plugins.argo.argo_events import ArgoEvent, ArgoEventException
from metaflow.plugins.kubernetes import kubernetes_decorator
from metaflow.tuple_util import ForeachFrame
from metaflow.unbounded_foreach import UBF_CONTROL, UBF_TASK

try:
    from metaflow.user_decorators.user_flow_decorator import FlowMutator
    from metaflow.user_decorators.user_step_decorator import UserStepDecoratorMeta
except ImportError:
    # Before 2.16 a flow mutator was called so, and users wrote no other decorators.
    from metaflow.user_configs.config_decorators import CustomFlowDecorator as FlowMutator

    UserStepDecoratorMeta = None

__all__ = [
    "ATTEMPTS",
    "TASK_LOG_SOURCE",
    "UBF_CONTROL",
    "UBF_TASK",
    "ArgoEvent",
    "ArgoEventException",
    "FlowSpec",
    "MetaDatum",
    "StepDecorator",
    "accept_flow_options",
    "allow_attempt",
    "append_arguments",
    "constructor_replaced",
    "copy_attempt",
    "datastore_roots",
    "disable_step_decorator",
    "drop_sidecar",
    "foreach_variable",
    "how_included",
    "import_cli",
    "is_file_type",
    "is_for_airflow",
    "is_json_type",
    "is_next_foreach",
    "is_parallel_foreach",
    "mflog",
    "new_main_module",
    "next_steps",
    "number_of_nodes",
    "number_of_splits",
    "parameters_of",
    "read_object",
    "read_shared_memory",
    "register_step_decorator",
    "replace_worker_command",
    "save_logs",
    "set_trigger",
    "step_decorators",
    "unwrap_flow",
    "update_delay",
]

StepDecorator = decorators.StepDecorator

# As many attempts of a task as readers look for, most of whom do not know of this package.
ATTEMPTS: int = metaflow_config.MAX_ATTEMPTS


# The first part: what the worker needs, too.


def new_main_module(file: str) -> types.ModuleType:
    """A new, empty main module, with what Python gives that of ``python FILE``. `file` is an absolute path."""
    module = types.ModuleType("__main__")
    module.__loader__ = SourceFileLoader("__main__", file)
    if sys.version_info < (3, 14):
        module.__annotations__ = {}
    module.__builtins__ = builtins  # type: ignore[attr-defined]
    module.__file__ = file
    module.__cached__ = None  # type: ignore[attr-defined]
    # Metaflow pickles it as a name of the main module, where it put it when it was imported.
    module.ForeachFrame = ForeachFrame  # type: ignore[attr-defined]
    sys.modules["__main__"] = module
    if "__mp_main__" in sys.modules:
        # What multiprocessing calls it, from its import on: processes that it spawns pickle by this name.
        sys.modules["__mp_main__"] = module
    return module


@contextmanager
def constructor_replaced(replacement: Callable[..., None]) -> Iterator[None]:
    """While the block runs, `replacement` constructs flows. Its first argument is Metaflow's own constructor.

    A flow's file ends with the construction of the flow, which is what parses the command line and runs it.
    """
    construct = FlowSpec.__init__
    FlowSpec.__init__ = lambda self, use_cli=True: replacement(construct, self, use_cli)
    try:
        yield
    finally:
        FlowSpec.__init__ = construct


def unwrap_flow(value: Any) -> Any:
    """The flow class behind a flow mutator that was written without brackets, which takes its name; else the value."""
    return (getattr(value, "_flow_cls", None) or value) if isinstance(value, FlowMutator) else value


def parameters_of(flow: Any) -> list[tuple[str, Any]]:
    """Attribute and parameter of each parameter of a flow class, its Configs among them."""
    return list(flow._get_parameters())


def accept_flow_options(cli: Any) -> None:
    """Lets Metaflow's command line take the options of flow decorators that are not in the code, as --branch.

    It looks for decorators with options when it is made, and the flow's mutators add theirs later. Where no such
    decorator is added, nobody looks at the option.
    """
    known = {option.name for option in cli.start.params}
    for decorator in plugins.FLOW_DECORATORS:
        for name, settings in decorator.options.items():
            if name.replace("-", "_") not in known:
                cli.start.params.append(
                    click.Option((f"--{name}",), **{"envvar": f"METAFLOW_FLOW_{name.upper()}", **settings})
                )


def step_decorators() -> dict[str, Any]:
    """The classes of Metaflow's step decorators, by name."""
    return {decorator.name: decorator for decorator in plugins.STEP_DECORATORS}


def disable_step_decorator(name: str) -> None:
    """Lets a compute decorator of the code do nothing, for a step that runs where it is."""
    decorator = step_decorators().get(name)
    if decorator is None:
        return
    for hook in [attribute for attribute in vars(decorator) if attribute in vars(StepDecorator)]:
        if not hook.startswith("__"):
            setattr(decorator, hook, vars(StepDecorator)[hook])
    # What completes the attributes: of the class itself here, which hides that of all decorators.
    if "init" in vars(decorator):
        del decorator.init


def read_shared_memory() -> None:
    """Lets METAFLOW_KUBERNETES_SHARED_MEMORY be a number.

    `@kubernetes` takes no text for it, which a value from the process environment is; one from a profile is a number.
    """
    given = kubernetes_decorator.KUBERNETES_SHARED_MEMORY
    if isinstance(given, str) and given.isdecimal():
        kubernetes_decorator.KUBERNETES_SHARED_MEMORY = int(given)


# The second part: what a task alone needs.


def import_cli(flow: Any) -> Any:
    """Metaflow's command line, imported as the constructor of the flow does: it looks at the flow at hand."""
    with parameters.flow_context(flow):
        return importlib.import_module("metaflow.cli")


def append_arguments(cli: Any, arguments: Callable[[Any], Sequence[str]]) -> None:
    """Appends arguments to those of the command that runs, made of the flow's class once its mutators ran.

    Metaflow finds the command after that, since it has an option for each parameter.
    """
    find = cli.cli.get_command

    def find_command(context: Any, name: str) -> Any:
        command = find(context, name)
        parse = command.parse_args
        command.parse_args = lambda own, given: parse(own, [*given, *arguments(type(own.obj.flow))])
        return command

    cli.cli.get_command = find_command


def register_step_decorator(decorator: Any) -> None:
    """Makes a step decorator known to ``--with``."""
    plugins.STEP_DECORATORS.append(decorator)
    if UserStepDecoratorMeta is not None:
        # Since 2.16 names are looked up in a registry that is filled from the list, once.
        known = UserStepDecoratorMeta._all_registered_decorators
        if known.inited:
            known.insert(decorator.name, decorator)


def drop_sidecar(name: str) -> None:
    """Lets no decorator start the sidecar of that name."""
    plugins.SIDECARS.pop(name, None)


def allow_attempt(attempt: int) -> None:
    """Lets Metaflow run and look for so many attempts, in this process."""
    if attempt >= ATTEMPTS:
        metaflow_config.MAX_ATTEMPTS = task.MAX_ATTEMPTS = attempt + 1


def copy_attempt(datastore: Any, source: int, target: int) -> None:
    """Makes the results of one attempt of a task those of another as well. Data is stored once."""
    started, data, done = (
        TaskDataStore.METADATA_ATTEMPT_SUFFIX,
        TaskDataStore.METADATA_DATA_SUFFIX,
        TaskDataStore.METADATA_DONE_SUFFIX,
    )

    def attempt(number: int, mode: str) -> Any:
        ids = datastore.run_id, datastore.step_name, datastore.task_id
        return datastore.parent_datastore.get_task_datastore(*ids, attempt=number, mode=mode, allow_not_done=True)

    contents = attempt(source, "r").load_metadata([started, data])
    contents[data]["attempt"] = target
    attempt(target, "w").save_metadata({**contents, done: ""})


def set_trigger(events: Sequence[Mapping[str, Any]]) -> None:
    """Makes `current.trigger` of what started the run: maps of `timestamp`, `id`, `name` and `type`."""
    # As ArgoWorkflowsInternalDecorator does.
    current._update_env({"trigger": Trigger([dict(event) for event in events])})


def is_for_airflow(event: Any) -> bool:
    """Whether the code that made an ArgoEvent left its address to Metaflow's settings, which name a server of Argo."""
    return event._url == argo_events.ARGO_EVENTS_WEBHOOK_URL  # type: ignore[no-any-return]


def number_of_splits(flow: Any) -> int | None:
    """How many items a foreach step gave to ``self.next``."""
    return flow._foreach_num_splits  # type: ignore[no-any-return]


def is_parallel_foreach(node: Any) -> bool:
    """Whether a step of the graph gives ``num_parallel`` to ``self.next``: to Metaflow, a foreach of its own kind."""
    return bool(node.parallel_foreach)


def number_of_nodes(flow: Any) -> int:
    """How many tasks a `@parallel` step has, the control task among them: in that one, once its function has begun."""
    return len(flow._control_mapper_tasks)


def replace_worker_command(command: Callable[[Mapping[str, Any]], list[str]]) -> None:
    """Makes the command with which the control task of a `@parallel` step starts a worker.

    `command` gets the worker's arguments of ``step``, by their names in Python. Metaflow's own has the options of this
    process, with the decorator that no other knows, and a `python` of the path.
    """

    def step_command(
        executable: str, script: str, step_name: str, top_kwargs: Any = None, step_kwargs: Any = None
    ) -> list[str]:
        return command(step_kwargs)

    cli_args.cli_args.step_command = step_command


def foreach_variable(flow: Any) -> str | None:
    """The name of the attribute with the items that a foreach step gave to ``self.next``."""
    # No task is to fail for it in a Metaflow that knows it by another name.
    return getattr(flow, "_foreach_var", None)


def next_steps(flow: Any) -> list[str]:
    """The steps that a step gave to ``self.next``; empty where it did not call it."""
    return list(flow._transition[0]) if flow._transition else []


def is_next_foreach(flow: Any) -> bool:
    """Whether a step gave ``foreach`` to ``self.next``."""
    return bool(flow._transition and flow._transition[1])


def is_json_type(kind: object) -> bool:
    """Whether a parameter's type is `JSONType`."""
    return isinstance(kind, JSONTypeClass)


def is_file_type(kind: object) -> bool:
    """Whether a parameter's type is that of an `IncludeFile`."""
    return isinstance(kind, FilePathClass)


def how_included(parameter: Any) -> dict[str, Any]:
    """How the content of an IncludeFile is read: `is_text` and `encoding`."""
    kind = parameter.kwargs["type"]
    return {"is_text": kind._is_text, "encoding": kind._encoding}


def datastore_roots(datastore: str) -> list[str]:
    """Where a datastore of this type is, and where IncludeFiles are kept: folders, or addresses with a scheme."""
    settings = (f"DATASTORE_SYSROOT_{datastore.upper()}", f"DATATOOLS_{datastore.upper()}ROOT")
    found = [(getattr(metaflow_config, name, None) or "").rstrip("/") for name in settings]
    if datastore == "azure":
        # Its settings name the container without a scheme, and its addresses of files have one.
        found = [root if not root or "://" in root else f"azure://{root}" for root in found]
    outer, inner = found
    return [root for root in (outer, inner if not inner.startswith(f"{outer}/") else "") if root]


def read_object(address: str) -> bytes | None:
    """The content of an object of S3, Google or Azure (``s3://``, ``gs://``, ``azure://``); None if there is none.

    Metaflow's storages, with the login of its datastore. Its client for IncludeFiles finds others in Azure: there a
    file's name begins with that of the container once more.
    """
    kind, _, place = address.partition("://")
    bucket, _, path = place.partition("/")
    [storage] = [each for each in plugins.DATASTORES if kind == each.TYPE]
    with storage(bucket if kind == "azure" else f"{kind}://{bucket}").load_bytes([path]) as found:
        for _, file, _ in found:
            return Path(file).read_bytes() if file else None
    return None


def call_exit_hook(flow_file: str, function: str, run: str) -> None:
    """Calls a function that `@exit_hook` names, as Metaflow does, with the run of that pathspec if it takes one.

    Raises what the function does, and SystemExit where there is no such function.
    """
    # Metaflow has it since 2.16, and flows with hooks too.
    from metaflow.plugins.exit_hook import exit_hook_script

    exit_hook_script.main(flow_file, function, run)
