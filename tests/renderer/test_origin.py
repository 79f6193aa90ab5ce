"""Who applied a DAG, from which commit and in which CI job: in its documentation, and in the tags of its runs."""

from __future__ import annotations

import ast
import dataclasses
import json
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from deployer.models.record import UNKNOWN_ORIGIN, CommitPages, Origin
from deployer.orchestrators.airflow.documentation import documentation
from deployer.orchestrators.airflow.render import render
from tests.hostile.payloads import payloads
from tests.renderer import flows

PAGE = "https://github.com/acme/flows"
URL = f"{PAGE}/actions/runs/17"
PAGES = CommitPages("Lin Li", f"{PAGE}/commit/{'f' * 40}", f"{PAGE}/pull/12")
ORIGIN = Origin("f" * 40, "ada", URL, applied_at="2026-11-26T16:05:09+02:00", pages=PAGES)


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


def said(origin: Origin) -> list[Token]:
    """The inline tokens of the second paragraph of the documentation, below its first heading."""
    blocks = MarkdownIt("commonmark").parse(documentation(flows.deployment(), flows.linear(), origin))
    kinds = [each.type for each in blocks if each.level == 0 and not each.type.endswith("_close")]
    assert kinds == ["paragraph_open", *["heading_open", "paragraph_open"] * 3, "fence"]
    return [each for each in blocks if each.type == "inline"][2].children or []


def test_the_documentation_says_who_applied_and_where() -> None:
    paragraphs = constants(ORIGIN)["DOC"].split("\n\n")
    assert paragraphs[1:4] == [
        "### Deployed",
        f"By ada on 2026-11-26 14:05 UTC from commit [{'f' * 12}](<{PAGES.url}>) by Lin Li. "
        f"See [the pull request](<{PAGES.pull_request}>) and [the job that deployed it](<{URL}>).",
        "### When a run fails",
    ]


def test_the_tags_of_the_runs_say_it_too() -> None:
    assert tags(ORIGIN) == ["applied_by:ada", f"ci:{URL}", f"commit:{'f' * 40}", "env:prod", "mfdeploy", "team:growth"]


def test_what_is_not_known_is_not_said() -> None:
    assert "### Deployed" not in constants(UNKNOWN_ORIGIN)["DOC"]
    assert "### Deployed\n\nBy ada.\n\n" in constants(Origin(applied_by="ada"))["DOC"]
    assert "### Deployed\n\nBy `ada@acme.example`.\n\n" in constants(Origin(applied_by="ada@acme.example"))["DOC"]
    assert "### Deployed\n\nFrom commit abc-dirty.\n\n" in constants(Origin("abc-dirty"))["DOC"]
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
    url = f"https://{text}"
    for origin in (
        Origin(applied_by=text),
        Origin(text),
        Origin("c", ci_url=text, applied_at=text, pages=CommitPages(text, text, text)),
        Origin(text, text, url, pages=CommitPages(text, url, url)),
    ):
        line = said(origin)
        assert {token.type for token in line} <= {"text", "code_inline", "link_open", "link_close"}, name
        links = [token.attrs["href"] for token in line if token.type == "link_open"]
        assert set(links) <= {url}, name


def test_a_link_is_one_to_the_page_itself() -> None:
    links = [token.attrs["href"] for token in said(ORIGIN) if token.type == "link_open"]
    assert links == [PAGES.url, PAGES.pull_request, URL]


@pytest.mark.parametrize("text", [*payloads().values(), "ada\udcff", "", "x" * 1000])
def test_every_tag_is_one_that_metaflow_takes(text: str) -> None:
    for tag in tags(Origin(text, text, text)):
        assert 0 < len(tag) <= len(tag.encode()) and len(tag) <= 500 and tag.isprintable()


def test_the_name_of_the_flows_file_is_code_too() -> None:
    odd = dataclasses.replace(flows.deployment().file, written="flows/a`b<img>.py")
    text = documentation(flows.deployment(file=odd), flows.linear(), UNKNOWN_ORIGIN)
    assert "from ``flows/a`b<img>.py``:" in text


@pytest.mark.parametrize("blank", ["\u3164", "\u2800", "\u200b", "\xa0", "\u202e"])
def test_two_names_that_differ_in_what_is_not_seen_look_different(blank: str) -> None:
    """Airflow shows the name of who applied, which they say themselves."""
    shown = constants(dataclasses.replace(ORIGIN, applied_by=f"ada{blank}"))["DOC"]
    assert blank not in shown
    assert "By ada on" not in shown
