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
from typing import Any

from . import refuse
from .job import Job
from .load import load_flow
from .problems import FlowError, Problem, describe_error, nearest, one_line, place_of, refusal_text
from .source import Place, Source

COMMAND = "mfdeploy"


def with_flow(job: Job, use: Callable[[Any, Source], Any]) -> Any:
    """What `use` makes of Metaflow's state for the flow (its `obj`: flow, graph, environment, datastore, ...).

    Raises FlowError. The process is the flow's own: its folder, arguments and modules are left changed.
    """
    folder = job.path.parent
    refuse.check_settings(job)
    refuse.check_datastore(job)
    refuse.check_environment(job)
    if not job.path.is_file():
        raise FlowError(Problem("no-file", f"there is no file {job.path.name} here", setting="file"))
    os.chdir(folder)
    sys.argv = [job.file]
    sys.path.insert(0, str(folder))
    flow = load_flow(job.path, job.class_name)
    source = Source(flow)
    refuse.check_decorators(job, flow, source)
    refuse.check_graph(flow._graph, source)
    _check_names(job, flow)
    if not job.on_kubernetes:
        make_inert("kubernetes")
    with _errors_of_metaflow(job, flow, source):
        return _run_command(flow, _arguments(job, flow), lambda obj: use(obj, source))


def make_inert(name: str) -> None:
    """Lets a compute decorator do nothing, for steps that run where they are. The task runner does the same."""
    from metaflow import decorators
    from metaflow.decorators import StepDecorator

    decorator = decorators.get_all_step_decos().get(name)
    if decorator is None:
        return
    for hook in [attribute for attribute in vars(decorator) if attribute in vars(StepDecorator)]:
        if not hook.startswith("__"):
            setattr(decorator, hook, vars(StepDecorator)[hook])
    if "init" in vars(decorator):
        del decorator.init


def _run_command(flow: Any, arguments: list[str], use: Callable[[Any], Any]) -> Any:
    from metaflow import parameters
    from metaflow._vendor import click
    from metaflow.decorators import add_decorator_options
    from metaflow.user_configs.config_options import config_options

    instance = flow(use_cli=False)
    results: list[Any] = []
    with parameters.flow_context(flow):
        from metaflow import cli, lint

        # Metaflow does this when the module is imported, with the options of the flow at hand; here there was none yet.
        start = add_decorator_options(config_options(cli.start))

        def command(obj: Any) -> None:
            lint.linter.run_checks(obj.graph)
            results.append(use(obj))

        cli.cli.add_command(click.command(COMMAND)(click.pass_obj(command)))
        state = cli.CliState(instance)
        state.entrypoint = [sys.executable, sys.argv[0]]
        start.main(args=[*arguments, COMMAND], obj=state, standalone_mode=False, prog_name=sys.argv[0])
    return results[0]


def _arguments(job: Job, flow: Any) -> list[str]:
    arguments = [
        "--quiet",
        "--no-pylint",
        "--metadata=local",
        f"--environment={job.package_environment}",
        f"--datastore={job.datastore_type}",
        f"--datastore-root={job.datastore_root}",
        "--event-logger=nullSidecarLogger",
        "--monitor=nullSidecarMonitor",
        *(f"--with={spec}" for spec in _decorator_specs(job)),
    ]
    if job.package_suffixes:
        arguments.append(f"--package-suffixes={','.join(job.package_suffixes)}")
    if "project" in set(refuse._flow_decorators(flow)):
        arguments += ["--production"] if job.production else []
        arguments += [f"--branch={job.branch}"] if job.branch else []
    for name, value in job.config_values.items():
        arguments += ["--config-value", name, value if isinstance(value, str) else json.dumps(value)]
    for name, file in job.config_files.items():
        arguments += ["--config", name, file]
    return arguments


def _decorator_specs(job: Job) -> list[str]:
    specs = list(job.decorators)
    if job.retries is not None:
        # Metaflow leaves steps that have a @retry of their own alone.
        times, minutes = job.retries
        specs.append(f"retry:times={times},minutes_between_retries={json.dumps(minutes)}")
    if job.on_kubernetes:
        specs.append("kubernetes")
    return specs


def _check_names(job: Job, flow: Any) -> None:
    """Raises FlowError for steps, decorators and configs of the manifest that do not exist."""
    problems = []
    steps = [step.__name__ for step in flow._steps]
    for name in job.steps:
        if name not in steps:
            hint = nearest(name, steps) or f"it has {', '.join(flow._graph.sorted_nodes)}"
            problems.append(
                Problem("unknown-step", f"the flow has no step {name!r}", setting=f"steps.{name}", hint=hint)
            )
    configs = [parameter.name for _, parameter in flow._get_parameters() if parameter.IS_CONFIG_PARAMETER]
    for section, names in (("config_values", job.config_values), ("config_files", job.config_files)):
        for name in names:
            if name not in configs:
                hint = nearest(name, configs) or (f"it has {', '.join(configs)}" if configs else "it has no Config")
                message = f"the flow has no Config {name!r}"
                problems.append(Problem("unknown-config", message, setting=f"{section}.{name}", hint=hint))
    problems += _unknown_decorators(job)
    if problems:
        raise FlowError(*problems)


def _unknown_decorators(job: Job) -> Iterator[Problem]:
    from metaflow import decorators
    from metaflow.exception import MetaflowException

    for spec in job.decorators:
        name = spec.split(":")[0].strip()
        # The arguments of these two are what is not to be shown.
        shown = name if name in ("secrets", "environment") else spec
        try:
            decorators.extract_step_decorator_from_decospec(spec)
        except decorators.UnknownStepDecoratorException:
            known = [known for known in decorators.get_all_step_decos() if not known.endswith("_internal")]
            yield Problem("unknown-decorator", f"unknown decorator {name!r}", setting="with", hint=nearest(name, known))
        except MetaflowException as error:
            yield Problem("bad-decorator", f"{shown!r}: {one_line(error.message)}", setting="with")
        except Exception as error:
            yield Problem("bad-decorator", f"{shown!r} cannot be read: {describe_error(error)}", setting="with")


@contextmanager
def _errors_of_metaflow(job: Job, flow: Any, source: Source) -> Iterator[None]:
    """Turns what Metaflow and the flow's decorators raise into a problem with a place."""
    from metaflow._vendor import click
    from metaflow.exception import MetaflowException
    from metaflow.lint import LintWarn

    try:
        yield
    except FlowError:
        raise
    except MetaflowException as error:
        code = "invalid-graph" if isinstance(error, LintWarn) else "flow-refused"
        if "branch name" in error.message.lower() and not job.production:
            raise FlowError(Problem("bad-branch", one_line(error.message), setting="branch")) from None
        place = _place_of_refusal(error, job, flow, source)
        raise FlowError(Problem(code, refusal_text(error), *place)) from None
    except click.ClickException as error:
        raise FlowError(Problem("flow-refused", one_line(error.format_message()), *source.flow())) from None
    except (Exception, SystemExit) as error:
        file, line = place_of(error, job.path.parent)
        place = (file, line) if line else source.flow()
        raise FlowError(Problem("flow-refused", describe_error(error), *place)) from None


def _place_of_refusal(error: Any, job: Job, flow: Any, source: Source) -> Place:
    """Where Metaflow says it is; else the user's code that raised it, the decorator that did, what the text names."""
    if error.line_no:
        return error.source_file or inspect.getfile(flow), error.line_no
    file, line = place_of(error, job.path.parent)
    if line:
        return file, line
    return _refusing_decorator(error, flow, source) or _named_place(flow, source, error.message)


def _refusing_decorator(error: BaseException, flow: Any, source: Source) -> Place | None:
    """The innermost decorator whose method raised the error."""
    from metaflow.flowspec import FlowStateItems

    found = None
    of_flow = flow._flow_state[FlowStateItems.FLOW_DECORATORS]
    for frame, _ in traceback.walk_tb(error.__traceback__):
        raising: Any = frame.f_locals.get("self")
        for decorators in of_flow.values():
            if any(decorator is raising for decorator in decorators):
                found = source.flow_decorator(raising, decorators)
        for step in flow._steps:
            if any(decorator is raising for decorator in step.decorators):
                found = source.decorator(raising.name, step.__name__)
    return found


def _named_place(flow: Any, source: Source, message: str) -> Place:
    """The line of the step or parameter that a message of Metaflow names, else the flow's."""
    for name in re.findall(r"\bstep \*?'?(\w+)", message, re.IGNORECASE):
        if name in flow._graph:
            return source.step(name)
    for attribute, parameter in flow._get_parameters():
        if re.search(rf"\bparameter \*?'?{re.escape(parameter.name)}\b", message, re.IGNORECASE):
            return source.parameter(attribute, parameter.name)
    return source.flow()
