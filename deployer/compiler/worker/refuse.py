"""What cannot run on Airflow, or is not supported yet: refused by name, with what to do instead."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from typing import Any

from metaflow.plugins import ENVIRONMENTS

from ..protocol import Job, Problem
from .hooks import check_hooks
from .metaflow_compat import flow_decorators, steps_of
from .problems import FlowError, nearest
from .sensors import check_sensors
from .source import Location, Source

# Name of the decorator -> (why it is refused, what to do instead).
STEP_DECORATORS = {
    "batch": (
        "runs tasks on AWS Batch",
        "remove it, or use @kubernetes or @resources: Airflow runs each step as a pod",
    ),
    "slurm": ("runs tasks on Slurm", "remove it, or use @kubernetes or @resources: Airflow runs each step as a pod"),
}
# Of Metaflow's extensions, whose nodes must reach each other: Metaflow's own `run` does not start them on one machine.
_OF_NODES = (
    "needs a cluster whose nodes start together, and Airflow has none",
    "use @parallel with compute: local, and let the step start its programs",
)
EXTENSIONS = {"torchrun": _OF_NODES, "deepspeed": _OF_NODES}
# What only a worker can run, as processes of one task.
NOT_IN_PODS = {
    "parallel": (
        "needs pods that start together, and no operator of Airflow's makes a JobSet and waits for it",
        "deploy it to an environment with compute: local, use a foreach, or run the step in one larger pod",
    ),
}
# Decorators that ask for packages, and those environments of Metaflow that install what they ask for.
PACKAGE_DECORATORS = ("conda", "pypi", "conda_base", "pypi_base")
PACKAGE_ENVIRONMENTS = ("conda", "pypi")


# Kind of datastore -> what Metaflow imports for it, by what installs it.
CLIENTS = {
    "gs": {"google.cloud.storage": "google-cloud-storage", "google.auth": "google-auth"},
    "azure": {"azure.storage.blob": "azure-storage-blob", "azure.identity": "azure-identity"},
}


def check_datastore(job: Job) -> None:
    """Raises FlowError for a datastore whose client library this interpreter lacks."""
    needed = CLIENTS.get(job.datastore_type, {})
    missing = [package for module, package in needed.items() if not _is_installed(module)]
    if missing:
        message = f"{sys.executable} lacks {' and '.join(missing)}, which Metaflow needs for {job.datastore_url}"
        hint = f"install it there: {sys.executable} -m pip install {' '.join(missing)}"
        raise FlowError(Problem("missing-package", message, setting="datastore", hint=hint))


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def check_environment(job: Job) -> None:
    """Raises FlowError for a package environment that Metaflow does not have, or that tasks could not install."""
    name, setting = job.package_environment, "package_environment"
    known = ["local", *sorted(environment.TYPE for environment in ENVIRONMENTS)]
    if name not in known:
        hint = nearest(name, known) or f"expected one of {', '.join(known)}"
        raise FlowError(Problem("unsupported", f"unknown package environment {name!r}", setting=setting, hint=hint))
    if name in PACKAGE_ENVIRONMENTS and job.datastore_type == "local":
        message = (
            f"the package environment {name!r} needs a datastore in S3, GCS or Azure: tasks get the packages from it"
        )
        hint = "change `datastore:`, or name an interpreter that has the packages with `python:`"
        raise FlowError(Problem("unsupported", message, setting=setting, hint=hint))


def _without_environment(job: Job, name: str, location: Location, setting: str = "") -> Problem | None:
    """The problem of a decorator that asks for packages where nothing would install them."""
    if name not in PACKAGE_DECORATORS or job.package_environment in PACKAGE_ENVIRONMENTS:
        return None
    kind = "pypi" if name.startswith("pypi") else "conda"
    message = f"@{name} has no effect with the package environment {job.package_environment!r}"
    return Problem("unsupported", message, *location, hint=f"set package_environment: {kind}", setting=setting)


def check_flow_decorators(job: Job, flow: Any, source: Source) -> None:
    """As `check_decorators`, but only if a decorator of the flow itself is refused.

    To be called before Metaflow initializes those; mutators may still change what the steps have.
    """
    if any(_flow_problems(job, flow, source)):
        check_decorators(job, flow, source)


def check_decorators(job: Job, flow: Any, source: Source) -> None:
    """Raises FlowError with all decorators that are refused, of the code, of mutators and of the manifest."""
    names = [spec.split(":")[0].strip() for spec in job.decorators]
    refused = {**STEP_DECORATORS, **EXTENSIONS, **(NOT_IN_PODS if job.on_kubernetes else {})}
    problems = [_refusal(name, refused, setting="with") for name in names]
    problems += [_without_environment(job, name, ("", 0), setting="with") for name in names]
    problems += _flow_problems(job, flow, source)
    for step in steps_of(flow):
        for decorator in step.decorators:
            location = source.decorator(decorator.name, step.__name__)
            problems.append(_refusal(decorator.name, refused, location, f" (step {step.__name__})"))
            problems.append(_without_environment(job, decorator.name, location))
    found = [problem for problem in problems if problem is not None]
    if found:
        raise FlowError(*found)


def _flow_problems(job: Job, flow: Any, source: Source) -> Iterator[Problem]:
    for name in flow_decorators(flow):
        location = source.decorator(name)
        problem = _without_environment(job, name, location)
        if problem is not None:
            yield problem
    yield from check_sensors(flow, source)
    yield from check_hooks(flow, source)


def check_graph(job: Job, graph: Any, source: Source) -> None:
    """Raises FlowError for steps that start several pods at once, and for cycles."""
    reason, advice = NOT_IN_PODS["parallel"]
    problems = [
        Problem(
            "unsupported",
            f"step {node.name}: num_parallel is not supported on Kubernetes: it {reason}",
            *source.step(node.name),
            hint=advice,
        )
        for node in graph
        if node.parallel_foreach and job.on_kubernetes
    ]
    for name in _recursive(graph):
        message = f"step {name} can lead back to itself, and an Airflow DAG has no cycles"
        hint = "put the loop inside one step, or let the last step start a new run"
        problems.append(Problem("unsupported", message, *source.step(name), hint=hint))
    if problems:
        raise FlowError(*problems)


def _refusal(
    name: str, table: dict[str, tuple[str, str]], location: Location = ("", 0), where: str = "", setting: str = ""
) -> Problem | None:
    if name not in table:
        return None
    reason, advice = table[name]
    on = " on Kubernetes" if name in NOT_IN_PODS else ""
    message = f"@{name}{where} is not supported{on}: it {reason}"
    return Problem("unsupported", message, *location, hint=advice, setting=setting)


def _recursive(graph: Any) -> list[str]:
    """The switch steps from which a path leads back to them."""
    found = []
    for node in graph:
        seen: set[str] = set()
        todo = list(node.out_funcs)
        while todo:
            name = todo.pop()
            if name not in seen and name in graph:
                seen.add(name)
                todo.extend(graph[name].out_funcs)
        if node.type == "split-switch" and node.name in seen:
            found.append(node.name)
    return found
