"""DAG ids that other files at a target define already: Airflow would take one of the two, and not say which."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping

from deployer.commands.planning import PlanContext
from deployer.errors import Diagnostic, Severity
from deployer.models.desired import Deployed, EnvironmentState
from deployer.models.target import MovedError, Target, TargetError
from deployer.state.survey import target_problem


def taken_ids(planning: PlanContext, severity: Severity = Severity.ERROR) -> Iterator[Diagnostic]:
    """DAGs that the plan creates and that another file at the target defines. Nothing is read where no DAG is new."""
    for site in planning.deployed.sites:
        created = {
            change.name: change
            for change in planning.plan.pending
            if change.action == "create" and change.environment == site.environment
        }
        if not created:
            continue
        try:
            found = _ids_of_others(planning.deployed.targets[site.environment], site)
        except TargetError as error:
            yield target_problem(planning.environments[site.environment], str(error))
            continue
        for dag_id in sorted(created.keys() & found.keys()):
            yield Diagnostic(
                "duplicate-dag-id",
                f"{created[dag_id].address}: {found[dag_id]} at the target defines the DAG {dag_id!r} already",
                hint="give the flow a dag_id of its own, or remove that file",
                severity=severity,
            )


def _ids_of_others(target: Target, site: EnvironmentState) -> Mapping[str, str]:
    """The file that defines a DAG, by DAG id; without those whose name says it."""
    found: dict[str, str] = {}
    for item in site.deployed:
        for dag_id in _ids(target, item):
            if item.file != f"{dag_id}.py":
                found.setdefault(dag_id, item.file)
    return found


def _ids(target: Target, item: Deployed) -> Iterator[str]:
    if item.record is not None:
        yield item.record.name
        return
    try:
        content, _ = target.read(item.file)
    except MovedError:
        return
    yield from dag_ids(content)


def dag_ids(source: bytes) -> Iterator[str]:
    """The ids that a Python file gives to DAGs as literals: ``DAG("x")``, ``dag_id="x"``. Nothing of it is run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray backslash in it is not ours to tell of
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in ("DAG", "dag"):
            given = [word.value for word in node.keywords if word.arg == "dag_id"] or node.args[:1]
            values = [each.value for each in given if isinstance(each, ast.Constant)]
            yield from (value for value in values if isinstance(value, str))


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
