"""What a switch leaves out, and how a foreach inside of a foreach divides a body."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deployer import cli
from deployer.models.flow import Flow, Step, StepKind
from deployer.orchestrators.airflow import graph
from tests.renderer import flows


def flow(**following: str) -> Flow:
    """Steps in graph order, each with the names of those after it; two of them are chosen between by a switch."""
    nexts = {name: tuple(names.split()) for name, names in following.items()}

    def kind(name: str) -> StepKind:
        return "switch" if len(nexts[name]) > 1 else "linear" if nexts[name] else "end"

    return flows.flow(
        *(
            Step(name, kind(name), 1, next=names, previous=tuple(p for p in nexts if name in nexts[p]))
            for name, names in nexts.items()
        )
    )


def test_without_a_switch_all_steps_run() -> None:
    assert graph.runs_if(flows.wide_fan()) == {}


def test_branches_of_unequal_length_meet_in_a_step_that_always_runs() -> None:
    found = graph.runs_if(flow(start="a c", a="b", b="c", c="end", end=""))
    assert found == {"a": {"start": ["a"]}, "b": {"start": ["a"]}}


def test_a_switch_in_a_branch_is_over_where_its_choices_meet() -> None:
    found = graph.runs_if(flow(start="s z", s="x y", x="m", y="m", m="end", z="end", end=""))
    assert found == {
        "s": {"start": ["s"]},
        "x": {"s": ["x"]},
        "y": {"s": ["y"]},
        "m": {"start": ["s"]},
        "z": {"start": ["z"]},
    }


def test_a_step_may_be_reached_through_several_switches() -> None:
    found = graph.runs_if(flow(start="p q", p="q r", q="r", r="end", end=""))
    assert found == {"p": {"start": ["p"]}, "q": {"p": ["q"], "start": ["q"]}}


def test_what_is_mapped_over_items_runs_for_each_of_them() -> None:
    found = graph.runs_if(flows.nested())
    assert found == {"spread": {"pick": ["spread"]}, "best": {"pick": ["spread"]}, "skip": {"pick": ["skip"]}}


def test_a_body_is_divided_by_the_foreach_inside_of_it() -> None:
    assert graph.parts(flows.nested()) == {"pick": 0, "spread": 0, "fit": 0, "best": 1, "skip": 0, "sum_up": 1}
    assert set(graph.parts(flows.wide_fan()).values()) == {0}


def test_a_join_comes_after_each_part_that_leads_to_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After the last part alone it was skipped, and all behind it, when a switch led each item past that."""
    shutil.copy(Path(__file__).parents[1] / "conformance" / "corpus" / "switch_past_foreach.py", tmp_path)
    (tmp_path / "m.yaml").write_text(
        "version: 1\nproject: p\nenvironments: {local: {target: dags, compute: local, datastore: metaflow}}\n"
        "flows: {Past: {file: switch_past_foreach.py}}\n"
    )
    assert cli.run(["render", "Past", "--env", "local", "--manifests", str(tmp_path)]) == 0
    assert "    [start_items, start_items_2] >> join >> end\n" in capsys.readouterr().out
