"""Drives Metaflow's own command line, so that decorators, configs and environments are what users know."""

from __future__ import annotations

import inspect
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from metaflow.exception import MetaflowException

from ..protocol import Job, Problem
from . import pod_values, refuse
from .files import check_config_files, use_files
from .load import load_flow
from .metaflow_compat import (
    ClickException,
    FlowGraphError,
    UnknownStepDecorator,
    check_decorator_spec,
    disable_step_decorator,
    flow_decorators,
    graph_of,
    parameters_of,
    run_command,
    step_decorators,
    steps_of,
)
from .parameters import describe_parameters, set_included_files
from .problems import FlowError, describe_error, location_of, nearest, one_line, refusal_text, together
from .source import Location, Source

COMMAND = "mfdeploy"
Result = TypeVar("Result")


def with_flow(job: Job, use: Callable[[Any, Source], Result]) -> Result:
    """What `use` makes of Metaflow's state for the flow (its `obj`: flow, graph, environment, datastore, ...).

    Raises FlowError. The process is the flow's own: its folder, arguments and modules are left changed.
    """
    folder = job.path.parent
    together(lambda: refuse.check_datastore(job), lambda: refuse.check_environment(job), lambda: _check_file(job))
    os.chdir(folder)
    sys.argv = [job.file]
    sys.path.insert(0, str(folder))
    flow = load_flow(job.path, job.class_name)
    source = Source(flow)
    together(lambda: _check_names(job, flow), lambda: check_config_files(job, flow, source))
    use_files(job)
    if not job.on_kubernetes:
        disable_step_decorator("kubernetes")

    def check_mutated() -> None:
        together(
            lambda: refuse.check_flow_decorators(job, flow, source),
            lambda: set_included_files(job, flow),
        )

    def check_and_use(obj: Any) -> Result:
        _check_supported(job, flow, source)
        return use(obj, source)

    with _errors_of_metaflow(job, flow, source):
        return run_command(flow, COMMAND, _arguments(job), check_mutated, check_and_use)


def _arguments(job: Job) -> list[str]:
    arguments = [
        "--quiet",
        "--no-pylint",
        "--metadata=local",
        f"--environment={job.package_environment}",
        f"--datastore={job.datastore_type}",
        f"--datastore-root={job.datastore_root}",
        "--event-logger=nullSidecarLogger",
        "--monitor=nullSidecarMonitor",
        *(f"--with={spec}" for spec in job.decorator_specs),
        *(["--with=kubernetes"] if job.on_kubernetes else []),
    ]
    if job.package_suffixes:
        arguments.append(f"--package-suffixes={','.join(job.package_suffixes)}")
    # For @project, which a mutator may add later; nobody looks at them in a flow without it.
    arguments += ["--production"] if job.production else []
    arguments += [f"--branch={job.branch}"] if job.branch else []
    for name, value in job.config_values.items():
        arguments += ["--config-value", name, value if isinstance(value, str) else json.dumps(value)]
    for name, file in job.config_files.items():
        arguments += ["--config", name, file]
    return arguments


def _check_supported(job: Job, flow: Any, source: Source) -> None:
    together(
        lambda: refuse.check_decorators(job, flow, source),
        lambda: refuse.check_graph(job, graph_of(flow), source),
    )


def _check_file(job: Job) -> None:
    if not job.path.is_file():
        raise FlowError(Problem("no-file", f"the flow's file {job.path.name} does not exist", setting="file"))


def _check_names(job: Job, flow: Any) -> None:
    """Raises FlowError for steps, decorators and configs of the manifest that do not exist."""
    problems = []
    steps = [step.__name__ for step in steps_of(flow)]
    for name in job.steps:
        if name not in steps:
            hint = nearest(name, steps) or f"its steps are {', '.join(graph_of(flow).sorted_nodes)}"
            problems.append(
                Problem("unknown-step", f"the flow has no step {name!r}", setting=f"steps.{name}", hint=hint)
            )
    configs = [parameter.name for _, parameter in parameters_of(flow) if parameter.IS_CONFIG_PARAMETER]
    for section, names in (("config_values", job.config_values), ("config_files", job.config_files)):
        for name in names:
            if name not in configs:
                hint = nearest(name, configs) or (
                    f"its Configs are {', '.join(configs)}" if configs else "it defines none"
                )
                message = f"the flow has no Config {name!r}"
                problems.append(Problem("unknown-config", message, setting=f"{section}.{name}", hint=hint))
    problems += _unknown_decorators(job)
    if problems:
        raise FlowError(*problems)


def _unknown_decorators(job: Job) -> Iterator[Problem]:
    for spec in job.decorators:
        name = spec.split(":")[0].strip()
        # The arguments of these two are what is not to be shown.
        shown = name if name in ("secrets", "environment") else spec
        try:
            check_decorator_spec(spec)
        except UnknownStepDecorator:
            known = [known for known in step_decorators() if not known.endswith("_internal")]
            yield Problem("unknown-decorator", f"unknown decorator {name!r}", setting="with", hint=nearest(name, known))
        except MetaflowException as error:
            yield Problem("bad-decorator", f"{shown!r}: {one_line(error.message)}", setting="with")
        except Exception as error:
            yield Problem("bad-decorator", f"{shown!r} cannot be read: {describe_error(error)}", setting="with")


@contextmanager
def _errors_of_metaflow(job: Job, flow: Any, source: Source) -> Iterator[None]:
    """Turns what Metaflow and the flow's decorators raise into a problem with a location."""
    try:
        yield
    except FlowError:
        raise
    except (Exception, SystemExit) as error:
        # What is not supported may be what raised it.
        _check_supported(job, flow, source)
        _refuse_pod_values(error, job, flow, source)
        raise FlowError(_problem_of(error, job, flow, source), *_others(error, flow, source)) from None


def _others(error: BaseException, flow: Any, source: Source) -> tuple[Problem, ...]:
    """What is wrong with the parameters of a flow whose graph is: that is independent of it."""
    if isinstance(error, FlowGraphError):
        try:
            describe_parameters(flow, source)
        except FlowError as found:
            return found.problems
        except Exception:
            return ()  # Metaflow would say so once the graph is mended
    return ()


def _problem_of(error: BaseException, job: Job, flow: Any, source: Source) -> Problem:
    if isinstance(error, MetaflowException):
        code = "invalid-graph" if isinstance(error, FlowGraphError) else "flow-refused"
        if "branch name" in error.message.lower() and not job.production:
            return Problem("bad-branch", one_line(error.message), setting="branch")
        return Problem(code, refusal_text(error), *_location_of_refusal(error, job, flow, source))
    if isinstance(error, ClickException):
        return Problem("flow-refused", one_line(error.format_message()), *source.flow())
    file, line = location_of(error, job.path.parent)
    location = (file, line) if line else _refusing_decorator(error, flow, source) or source.flow()
    return Problem("flow-refused", describe_error(error), *location)


def _refuse_pod_values(error: BaseException, job: Job, flow: Any, source: Source) -> None:
    """Raises FlowError with the values that were too much for a decorator of pods: its error names none of them."""
    raised_by = [getattr(frame.f_locals.get("self"), "name", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    if any(name in pod_values.DECORATORS for name in raised_by):
        found = pod_values.problems_of_code(job, flow, source)
        if found:
            raise FlowError(*found) from None


def _location_of_refusal(error: Any, job: Job, flow: Any, source: Source) -> Location:
    """Where Metaflow says it is; else the user's code that raised it, the decorator that did, what the text names."""
    if error.line_no:
        return error.source_file or inspect.getfile(flow), error.line_no
    file, line = location_of(error, job.path.parent)
    if line:
        return file, line
    return _refusing_decorator(error, flow, source) or _named_location(flow, source, error.message)


def _refusing_decorator(error: BaseException, flow: Any, source: Source) -> Location | None:
    """The innermost decorator whose method raised the error."""
    found = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        raising: Any = frame.f_locals.get("self")
        for decorators in flow_decorators(flow).values():
            if any(decorator is raising for decorator in decorators):
                found = source.flow_decorator(raising, decorators)
        for step in steps_of(flow):
            if any(decorator is raising for decorator in step.decorators):
                found = source.decorator(raising.name, step.__name__)
    return found


def _named_location(flow: Any, source: Source, message: str) -> Location:
    """The line of the step or parameter that a message of Metaflow names, else the flow's."""
    for name in re.findall(r"\bstep \*?'?(\w+)", message, re.IGNORECASE):
        if name in graph_of(flow):
            return source.step(name)
    for attribute, parameter in parameters_of(flow):
        if re.search(rf"\bparameter (?:name )?\*?'?{re.escape(parameter.name)}\b", message, re.IGNORECASE):
            return source.parameter(attribute, parameter.name)
    return source.flow()
