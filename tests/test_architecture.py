"""The direction of imports, held by walking them.

    cli -> commands, views -> pipeline, planning, applying -> context
        -> manifest | compiler | orchestrators | targets | state -> kubernetes, policies -> description, forecasting
        -> models -> manifest/keys, vcs, errors

Each room may know the floors below its own, and no other room of its floor.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "deployer"

# From the ground up. A room is a module or a folder of the package; what stands on one line does not know each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("vcs", "manifest/keys"),
    ("models",),  # the words that all others share
    ("description", "forecasting"),
    ("kubernetes", "runtime", "policies"),  # what a pod is, what runs a task, and rules for changes
    ("manifest", "compiler", "orchestrators", "targets", "state"),
    ("context", "plan_context"),  # what a command is run with, and what a plan comes with
    ("pipeline", "planning", "applying"),
    ("commands", "views"),
    ("cli",),
)
# The registry of settings, with what it is declared in, is data that all rooms know: it is a room below the others.
REGISTRY = (
    *("manifest/keys", "manifest/pod_keys", "manifest/airflow_keys", "manifest/policy_keys", "manifest/notify_keys"),
    *("manifest/fields", "manifest/formats"),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# These run in processes of their own, where there is nothing but Metaflow and the standard library.
ALONE = ("compiler/worker", "runtime/mfdeploy_task")
# And these are scripts beside a private Airflow: the one that has its processes, and what runs in its own Python.
SCRIPTS = ("orchestrators/airflow/server/keeper", "orchestrators/airflow/server/inside/run_dag")
IN_AIRFLOW = SCRIPTS[1:]
# What these two sides of a pipe share: imported by both, with nothing but the standard library.
SHARED = (
    *(
        "compiler/__init__",
        "compiler/handover",
        "compiler/protocol",
        "compiler/versions",
        "runtime/__init__",
        "kubernetes/__init__",
    ),
    # The rules for the attributes of pods.
    *(f"kubernetes/rules/{name}" for name in ("__init__", "amounts", "attributes", "models", "syntax", "values")),
)
# Decided from their arguments alone, so that they can be tested with values.
PURE = ("planning", "description", "forecasting", "policies")
IMPURE_MODULES = {
    "os",
    "sys",
    "io",
    "time",
    "datetime",
    "pathlib",
    "random",
    "socket",
    "subprocess",
    "tempfile",
    "uuid",
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def room_of(path: Path) -> str:
    return room_named(name_of(path))


def room_named(module: str) -> str:
    return "manifest/keys" if module in REGISTRY else module.partition("/")[0]


def is_alone(path: Path) -> bool:
    return name_of(path).startswith(ALONE)


Rule = Callable[[Path], None]


def for_each(paths: Iterable[Path]) -> Callable[[Rule], Callable[[], None]]:
    """Makes one test of a rule for all of these modules, which tells about each that breaks it.

    There are hundreds: a test for each would take longer than the whole rule.
    """

    def of_rule(rule: Rule) -> Callable[[], None]:
        def test() -> None:
            broken = {}
            for path in paths:
                try:
                    rule(path)
                except AssertionError as error:
                    broken[name_of(path)] = str(error)
            assert broken == {}

        test.__name__, test.__doc__ = rule.__name__, rule.__doc__
        return test

    return of_rule


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path, nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything that is imported; relative names are made absolute."""
    package = ("deployer", *path.relative_to(PACKAGE).parts[:-1])
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*start, *filter(None, [node.module])))
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def at_import_time(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: all but the bodies of functions."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from at_import_time(child)


def knows(path: Path) -> Iterator[tuple[int, str]]:
    """Line and room of each import of this package (the package itself, for its version, is no room)."""
    for line, name in imports(path, ast.walk(tree_of(path))):
        parts = name.split(".")
        if parts[0] == "deployer" and len(parts) > 1 and parts[1] != "__version__":
            yield line, room_named("/".join(parts[1:3]))


def outside(path: Path) -> Iterator[tuple[int, str]]:
    """Line and top-level name of each import from elsewhere."""
    for line, name in imports(path, ast.walk(tree_of(path))):
        top = name.partition(".")[0]
        if top != "deployer":
            yield line, top


BY_NAME = {name_of(path).removesuffix("/__init__"): path for path in MODULES}


def imported_modules(path: Path) -> Iterator[str]:
    """The modules of this package that a module imports, wherever in it; the packages that hold them are left out."""
    for _, name in imports(path, ast.walk(tree_of(path))):
        parts = name.split(".")
        if parts[0] == "deployer":
            # `from deployer.a import b`: b may be a module, or a name of one.
            found = ("/".join(parts[1:end]) for end in (len(parts), len(parts) - 1))
            yield from [each for each in found if each in BY_NAME][:1]


def circles(graph: Mapping[str, set[str]]) -> list[str]:
    """One line for each module that starts and ends a way along the imports."""
    found = []
    for start in sorted(graph):
        ways: list[tuple[str, ...]] = [(start,)]
        seen = {start}
        while ways:
            way = ways.pop()
            for following in sorted(graph[way[-1]]):
                if following == start:
                    found.append(" -> ".join((*way, start)))
                    ways = []
                    break
                if following not in seen:
                    seen.add(following)
                    ways.append((*way, following))
    return found


def test_each_room_has_a_floor() -> None:
    rooms = {room_of(path) for path in MODULES} - {"__init__", "__main__"}
    assert rooms == set(FLOOR)


@for_each(MODULES)
def test_imports_go_down_only(path: Path) -> None:
    room = room_of(path)
    if room in ("__init__", "__main__"):
        return
    up = [
        f"{name_of(path)}:{line} knows {other}"
        for line, other in knows(path)
        if other != room and not below(other, room)
    ]
    assert not up


def below(other: str, room: str) -> bool:
    return FLOOR[other] < FLOOR[room]


@for_each([path for path in MODULES if is_alone(path)])
def test_what_runs_elsewhere_needs_metaflow_and_the_standard_library_only(path: Path) -> None:
    # Where Metaflow is, boto3 is, which it asks for, and botocore, which that one asks for.
    allowed = {*sys.stdlib_module_names, "metaflow", "boto3", "botocore"}
    foreign = [f"line {line}: {top}" for line, top in outside(path) if top not in allowed]
    # The worker uses the module of the runtime that knows Metaflow.
    known = {room_of(path), "runtime"}
    shared = {name.removesuffix("/__init__") for name in SHARED}
    inside = [name for name in imported_modules(path) if name not in shared and room_named(name) not in known]
    assert foreign + inside == []


@pytest.mark.parametrize("name", SHARED)
def test_what_both_sides_import_needs_the_standard_library_only(name: str) -> None:
    path = PACKAGE / f"{name}.py"
    assert {top for _, top in outside(path)} <= sys.stdlib_module_names
    assert set(imported_modules(path)) <= {each.removesuffix("/__init__") for each in SHARED}


def test_all_rules_of_pods_are_shared() -> None:
    rules = {name_of(path) for path in MODULES if name_of(path).startswith("kubernetes/rules/")}
    assert rules == {name for name in SHARED if name.startswith("kubernetes/rules/")}


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {name: {each for each in imported_modules(path) if each != name} for name, path in BY_NAME.items()}
    # The entry point of the command line: its exit codes are for all that it starts.
    graph["cli"] = set()
    assert circles(graph) == []


@for_each([path for path in MODULES if not is_alone(path)])
def test_metaflow_is_not_imported_with_us(path: Path) -> None:
    # It takes 0.8 seconds, and it reads its settings for good when it is imported.
    tops = {name.partition(".")[0] for _, name in imports(path, at_import_time(tree_of(path)))}
    assert not tops & {"metaflow", "airflow"}


@for_each(
    [path for path in MODULES if room_of(path) != "compiler" and not is_alone(path) and name_of(path) not in IN_AIRFLOW]
)
def test_only_the_compiler_knows_metaflow(path: Path) -> None:
    assert not {top for _, top in outside(path)} & {"metaflow", "airflow"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_beside_an_airflow_import_nothing_of_ours(name: str) -> None:
    path = BY_NAME[name]
    allowed = {*sys.stdlib_module_names, *(("airflow",) if name in IN_AIRFLOW else ())}
    assert {top for _, top in outside(path)} <= allowed
    assert not [*imported_modules(path)]


@for_each([path for path in MODULES if room_of(path) != "kubernetes" and not is_alone(path)])
def test_only_its_room_knows_kubernetes(path: Path) -> None:
    assert not {top for _, top in outside(path)} & {"kubernetes"}


def test_its_client_is_not_imported_with_us() -> None:
    """It takes a second. One function of the plan imports what asks a cluster."""
    code = "import sys, deployer.commands.apply, deployer.cli.running; print('kubernetes' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


@for_each([path for path in MODULES if room_of(path) in PURE])
def test_what_decides_does_no_io(path: Path) -> None:
    # Timestamps are values of CEL. Nothing there asks for the time: see below.
    values = {"datetime"} if room_of(path) == "policies" else set()
    assert not {top for _, top in outside(path)} & (IMPURE_MODULES - values)


# The process environment, the clock and other processes are the command line's, which makes a context of them. Helpers
# of the compiler and git are started where they are talked to.
OUTSIDE_WORLD = ("os.environ", "os.getenv", "datetime.now", "datetime.utcnow", "time.time", "getpass.getuser")
MAY_START_PROCESSES = ("vcs/", "compiler/helpers", "orchestrators/airflow/server/")
STARTS_PROCESSES = (
    *("vcs/process", "compiler/helpers"),
    *("orchestrators/airflow/server/processes", "orchestrators/airflow/server/keeper"),
)
# The client of object stores asks for credentials again at a time of day.
KNOWS_THE_TIME = ("targets/s3_settings",)


@for_each([path for path in MODULES if room_of(path) != "cli" and not is_alone(path) and name_of(path) not in SCRIPTS])
def test_only_the_command_line_looks_at_the_world(path: Path) -> None:
    seen = [
        f"line {node.lineno}: {node.value.id}.{node.attr}"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if f"{node.value.id}.{node.attr}" in OUTSIDE_WORLD and name_of(path) not in KNOWS_THE_TIME
    ]
    if name_of(path) not in STARTS_PROCESSES:
        seen += [f"line {line}: {top}" for line, top in outside(path) if top == "subprocess"]
    assert seen == []


@for_each([path for path in MODULES if room_of(path) != "cli" and not is_alone(path) and name_of(path) not in SCRIPTS])
def test_only_the_command_line_prints_or_exits(path: Path) -> None:
    assert [f"line {node.lineno}: {words}" for node, words in loud(path)] == []


def loud(path: Path) -> Iterator[tuple[ast.expr, str]]:
    """Calls and names that print, exit or take hold of the terminal's streams."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Name) and node.id in ("print", "exit", "quit", "SystemExit"):
            yield node, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            words = f"{node.value.id}.{node.attr}"
            if words in ("sys.exit", "os._exit", "sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"):
                yield node, words


@for_each([path for path in MODULES if room_of(path) in ("vcs", "targets")])
def test_git_and_targets_are_given_the_environment(path: Path) -> None:
    names = {node.attr for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute)}
    assert not names & {"environ", "getenv", "putenv"}


@for_each([path for path in MODULES if not is_alone(path) and not name_of(path).startswith(MAY_START_PROCESSES)])
def test_processes_are_started_in_three_rooms_only(path: Path) -> None:
    assert "subprocess" not in {top for _, top in outside(path)}


@for_each([path for path in MODULES if room_of(path) == "vcs"])
def test_git_needs_the_standard_library_only(path: Path) -> None:
    assert {top for _, top in outside(path)} <= sys.stdlib_module_names
    assert {room for _, room in knows(path)} <= {"errors", "vcs"}
