"""What people see, held as files that `--rewrite` writes anew and a reviewer reads as a diff."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from deployer.commands.schema import schema
from deployer.errors import Diagnostic, Location, Severity
from deployer.models.plan import FileChanges, Plan, Reason
from deployer.planning.reviewed import differences
from deployer.views.diagnostics import diagnostics_to_text
from deployer.views.graph import graph_to_text
from deployer.views.history import history_to_json, history_to_text
from deployer.views.plan_json import plan_to_json
from deployer.views.plan_markdown import plan_to_markdown
from deployer.views.plan_text import plan_to_text
from deployer.views.result_markdown import result_to_markdown
from deployer.views.result_text import result_to_json, result_to_text
from deployer.views.show_json import show_to_json
from deployer.views.show_text import show_to_text
from deployer.views.source_diff import source_diffs
from tests.views import samples

GOLDEN = Path(__file__).parent / "golden"
# Golden files have one width. What another width changes is the layout, which has tests of its own.
WIDTH = 80
LAYOUT_WIDTHS = (60, 80, 120, 200)
PLANS = {
    "everything": samples.EVERYTHING,
    "nothing": samples.NOTHING,
    "hostile": samples.HOSTILE,
    "against": samples.AGAINST,
    "violating": samples.VIOLATING,
}


def compare(name: str, text: str, request: pytest.FixtureRequest) -> None:
    path = GOLDEN / name
    if request.config.getoption("--rewrite"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    assert text == path.read_bytes().decode("utf-8")


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colour"])
@pytest.mark.parametrize("name", PLANS)
def test_plan_text(name: str, colour: bool, request: pytest.FixtureRequest) -> None:
    text = plan_text(name, WIDTH, colour)
    compare(f"plan_{name}{'_colour' if colour else ''}.txt", text, request)


@pytest.mark.parametrize("width", LAYOUT_WIDTHS)
@pytest.mark.parametrize("name", PLANS)
def test_plan_text_fits_its_width(name: str, width: int) -> None:
    assert_fits(plan_text(name, width, colour=False), width)


def plan_text(name: str, width: int, colour: bool) -> str:
    data = plan_to_json(PLANS[name])
    return plan_to_text(data, width=width, colour=colour)


def assert_fits(text: str, width: int) -> None:
    assert max(map(len, text.splitlines())) <= width
    assert all(line == line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("name", PLANS)
def test_plan_markdown(name: str, request: pytest.FixtureRequest) -> None:
    data = plan_to_json(PLANS[name])
    diffs = source_diffs({"prod/score.py": ("a = 1\n```\n", "a = 2\n```\n")}) if name == "everything" else None
    compare(f"plan_{name}.md", plan_to_markdown(data, sources=diffs), request)


def test_show(request: pytest.FixtureRequest) -> None:
    compare("show.txt", show_text(WIDTH), request)


@pytest.mark.parametrize("width", LAYOUT_WIDTHS)
def test_show_fits_its_width(width: int) -> None:
    assert_fits(show_text(width), width)


def show_text(width: int) -> str:
    shown = show_to_json(
        samples.DEPLOYMENT,
        samples.FLOW,
        "growth.prod.Train",
        samples.DEPLOYMENT.schedule,
        samples.NEXT_RUNS["prod/train"],
    )
    return show_to_text(shown, width=width)


def test_graph_of_many_steps(request: pytest.FixtureRequest) -> None:
    compare("graph.txt", graph_to_text(samples.LARGE_GRAPH, width=WIDTH), request)


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colour"])
def test_diagnostics(colour: bool, request: pytest.FixtureRequest) -> None:
    found = [
        Diagnostic(
            "unknown-key",
            "unknown key 'retrys'",
            Location("deployments/a.yaml", 3, 5),
            "flows.train",
            "did you mean 'retries'?",
        ),
        Diagnostic("flow", "cannot be loaded:\nTraceback\n  \x1b[31mboom", Location("flows/a.py", 7)),
        Diagnostic("old", "this is on its way out", severity=Severity.WARNING),
    ]
    compare(f"diagnostics{'_colour' if colour else ''}.txt", diagnostics_to_text(found, colour), request)


@pytest.mark.parametrize("stopped", [False, True], ids=["complete", "stopped"])
def test_result(stopped: bool, request: pytest.FixtureRequest) -> None:
    pending = [change for change in samples.EVERYTHING.pending if change.action != "conflict"]
    done, failed, left = (pending[:2], pending[2:3], pending[3:]) if stopped else (pending, [], [])
    message = "s3://bucket: the file was changed\nby somebody else"
    namespaces = {"prod/train": "production:growth-0-abcd"}
    data = result_to_json(done, [(change, message) for change in failed], left, namespaces)
    name = f"result_{'stopped' if stopped else 'complete'}"
    compare(f"{name}.txt", result_to_text(data, width=WIDTH), request)
    compare(f"{name}.md", result_to_markdown(data), request)


def test_the_namespace_of_a_new_dag_id_is_not_that_of_the_old_dag() -> None:
    new, old = samples.change("train", "create", Reason("new")), samples.change("train", "delete", Reason("removed"))
    found = result_to_json([new, old], [], [], {new.address: "production:new-0-abcd"})
    assert [each["namespace"] for each in found["done"]] == ["production:new-0-abcd", ""]


def test_result_of_another_plan_than_the_reviewed_one(request: pytest.FixtureRequest) -> None:
    """A change that only one of the plans has, and two whose reasons are the same in few words."""
    old = samples.change("weigh", "update", Reason("code", files=FileChanges(changed=("score.py",))))
    new = replace(old, after=samples.described(samples.LINE), before=samples.described())
    drifted = samples.change("drifted", "update", Reason("drifted", note="the DAG file was edited by hand"))
    reviewed = (old, drifted, *samples.EVERYTHING.changes[-2:])
    now = (new, replace(drifted, version="v9"), *samples.EVERYTHING.changes[2:4], *samples.HOSTILE.changes)
    found = differences(Plan(reviewed), Plan(now))
    data = result_to_json((), (), now, differences=found)
    jsonschema.validate(data, schema("result"))
    compare("result_differs.txt", result_to_text(data, width=WIDTH), request)
    compare("result_differs.md", result_to_markdown(data), request)


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colour"])
def test_history(colour: bool, request: pytest.FixtureRequest) -> None:
    data = history_to_json(samples.DEPLOYMENT.environment, samples.ENTRIES, 7, samples.UNRECORDED)
    jsonschema.validate(data, schema("history"))
    text = history_to_text(data, width=WIDTH, colour=colour)
    compare(f"history{'_colour' if colour else ''}.txt", text, request)
    if not colour:
        assert max(map(len, text.splitlines())) <= WIDTH


def test_history_of_nothing(request: pytest.FixtureRequest) -> None:
    data = history_to_json(samples.DEPLOYMENT.environment, (), 0, ())
    compare("history_nothing.txt", history_to_text(data), request)


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colour"])
def test_source_diff(colour: bool, request: pytest.FixtureRequest) -> None:
    sources = {
        "prod/a.py": ("import x\n\nday = 1\n", "import x\n\nday = 2\ntext = '\x1b[0m'\n"),
        "prod/new.py": ("", "import x\n"),
        "prod/same.py": ("same\n", "same\n"),
        "prod/old.py": ("import x\n-- gone\n", ""),
    }
    text = "\n".join(source_diffs(sources, colour).values())
    compare(f"source_diff{'_colour' if colour else ''}.txt", text, request)
