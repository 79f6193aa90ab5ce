"""Who applied a DAG, from which commit and in which CI job: in its documentation, and in the tags of its runs."""

from __future__ import annotations

import ast
import dataclasses
import json
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from deployer.models.record import UNKNOWN_ORIGIN, Origin
from deployer.orchestrators.airflow.documentation import documentation
from deployer.orchestrators.airflow.render import render
from tests.hostile.payloads import payloads
from tests.renderer import flows

URL = "https://github.com/acme/flows/actions/runs/17"
ORIGIN = Origin("f" * 40, "ada", URL)


def constants(origin: Origin) -> dict[str, Any]:
    """The constants of the DAG file by name."""
    flow = flows.linear()
    tree = ast.parse(render(flows.deployment(), flow, flows.package(flow), origin=origin))
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found


def tags(origin: Origin) -> list[str]:
    return list(json.loads(constants(origin)["ENVIRONMENT"]["METAFLOW_TAGS"]))


def last_line(origin: Origin) -> list[Token]:
    """The inline tokens of the last paragraph of the documentation. That is all there is after the manifest entry."""
    blocks = MarkdownIt("commonmark").parse(documentation(flows.deployment(), flows.linear(), origin))
    after = [each.type for each in blocks].index("fence") + 1
    assert [each.type for each in blocks[after:]] == ["paragraph_open", "inline", "paragraph_close"]
    return blocks[after + 1].children or []


def test_the_documentation_says_who_applied_and_where() -> None:
    assert constants(ORIGIN)["DOC"].endswith(f"\n\nApplied by `ada` from commit `{'f' * 40}` in <{URL}>\n")


def test_the_tags_of_the_runs_say_it_too() -> None:
    assert tags(ORIGIN) == ["applied_by:ada", f"ci:{URL}", f"commit:{'f' * 40}", "env:prod", "mfdeploy", "team:growth"]


def test_what_is_not_known_is_not_said() -> None:
    assert "Applied" not in constants(UNKNOWN_ORIGIN)["DOC"]
    assert constants(Origin(applied_by="ada"))["DOC"].endswith("\n\nApplied by `ada`\n")
    assert tags(UNKNOWN_ORIGIN) == ["env:prod", "mfdeploy", "team:growth"]


def test_tags_of_airflow_do_not_change_with_each_apply() -> None:
    """They are the filters of its list of DAGs, and have 100 characters at most."""
    flow = flows.linear()
    files = [render(flows.deployment(), flow, flows.package(flow), origin=each) for each in (UNKNOWN_ORIGIN, ORIGIN)]
    lines = [[line for line in text.splitlines() if line.startswith("    tags=")] for text in files]
    assert lines[0] == lines[1] != []


@pytest.mark.parametrize("name", payloads())
def test_hostile_names_and_pages_are_shown_as_code(name: str) -> None:
    text = payloads()[name]
    for origin in (Origin(applied_by=text), Origin(text), Origin(ci_url=text), Origin(text, text, f"https://{text}")):
        line = last_line(origin)
        assert {token.type for token in line} <= {"text", "code_inline", "link_open", "link_close"}, name
        links = [token.attrs["href"] for token in line if token.type == "link_open"]
        assert links in ([], [origin.ci_url]) and all(str(link).startswith("https://") for link in links), name


def test_a_link_is_one_to_the_page_itself() -> None:
    (link,) = [token for token in last_line(ORIGIN) if token.type == "link_open"]
    assert link.attrs == {"href": URL}


@pytest.mark.parametrize("text", [*payloads().values(), "ada\udcff", "", "x" * 1000])
def test_every_tag_is_one_that_metaflow_takes(text: str) -> None:
    for tag in tags(Origin(text, text, text)):
        assert 0 < len(tag) <= len(tag.encode()) and len(tag) <= 500 and tag.isprintable()


def test_the_name_of_the_flows_file_is_code_too() -> None:
    odd = dataclasses.replace(flows.deployment().file, written="flows/a`b<img>.py")
    text = documentation(flows.deployment(file=odd), flows.linear(), UNKNOWN_ORIGIN)
    assert "from ``flows/a`b<img>.py``:" in text
