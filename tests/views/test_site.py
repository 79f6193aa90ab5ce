"""The pages of a catalogue, from made catalogues; what a browser makes of them is in test_site_browser.py."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest

from deployer.models.description import GraphDescription, StepNode
from deployer.models.site import Site, SiteParameter, SiteStart, page_names
from deployer.views.html.page import is_web
from deployer.views.html.site import site_to_files
from deployer.views.html.site_words import moment, resources_text
from deployer.views.site_json import site_to_json
from tests.views.site_samples import DAILY, VERSION, deployment, flow, site, small_site

HOSTILE = "</script></title>'\"><script>alert(1)</script><img src=x onerror=alert(1)>\u202e\x1b[31m"


class Read(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, Mapping[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def links(self) -> list[str]:
        return [str(each["href"]) for tag, each in self.tags if tag == "a" and "href" in each]


def files_of(made: Site) -> dict[str, str]:
    return site_to_files(site_to_json(made))


def test_each_flow_has_a_page_and_all_pages_share_what_they_load() -> None:
    files = files_of(small_site())
    assert [*files] == [
        *("style.css", "page.js", "dagre.min.js", "drawing.js", "site.json", "index.html", "starts.html"),
        *("flows/broken.html", "flows/features.html", "flows/old.html", "flows/train.html"),
    ]
    assert Site.model_validate_json(files["site.json"]) == small_site()
    for name, text in files.items():
        if name.endswith(".html"):
            loaded = {each.get("src") or each.get("href") for tag, each in Read(text).tags if tag in ("script", "link")}
            beside = {f"../{each}" for each in ("style.css", "page.js", "dagre.min.js", "drawing.js")}
            assert loaded - {None} == (beside if "/" in name else set())
            assert "Content-Security-Policy" in text


def test_the_same_catalogue_gives_the_same_bytes() -> None:
    assert files_of(small_site()) == files_of(small_site())


def test_the_index_finds_flows_by_what_they_are() -> None:
    page = Read(files_of(small_site())["index.html"])
    rows = [each for _, each in page.tags if "data-facets" in each]
    facets = [json.loads(str(each["data-facets"])) for each in rows]
    assert [each["state"][0] for each in facets] == ["broken", "deployed", "not in the manifests", "deployed"]
    assert facets[1] == {
        "environment": ["prod"],
        "owner": ["data-team"],
        "tag": ["team:data"],
        "schedule": ["by time"],
        "project": ["growth"],
        "state": ["deployed"],
    }
    assert facets[3]["state"] == ["deployed", "other version"]
    assert facets[3]["schedule"] == ["by hand only", "by other flows or events"]
    words = str(rows[1]["data-search"])
    assert all(word in words for word in ("features", "Of all orders.", "FeaturesFlow", "team:data", "fit", "alpha"))
    selects = [str(each["name"]) for tag, each in page.tags if tag == "select"]
    assert selects == ["environment", "owner", "tag", "schedule", "state"]  # there is only one project
    assert {"flows/train.html", "flows/old.html", "starts.html", "site.json"} <= {*page.links()}
    assert "4 flows in 2 environments; 4 deployments." in page.text
    assert "prod: After other flows or events staging: By hand only" in page.text


def test_a_page_shows_what_differs_between_environments() -> None:
    page = Read(files_of(small_site())["flows/train.html"])
    assert "Trains a model on the clicks of the day." in page.text
    assert "other version The manifests say something else than what is deployed." in page.text
    assert "prod: 0.1 staging: 0.5 The learning rate." in page.text
    assert "2 CPU, 8 GB memory, 1 GPU registry.acme.example/train:1 tried again 2 times and stopped after 60 min" in (
        page.text
    )
    assert "Deployed 0123456789ab by ada 2026-01-01 12:00 UTC Commit 0123456789 by Grace Hopper" in page.text
    assert "scheduled__2026-01-01 prod failed 2026-01-01 03:00 UTC 5 min 12 s scheduled" in page.text
    assert "Started by prod/features , the event orders.arrived" in page.text
    assert {"../flows/features.html", VERSION.commit_url, "https://github.com/acme/flows/blob/0/a.yaml#L3"} <= {
        *page.links()
    }
    assert sum("data-graph" in each for _, each in page.tags) == 1  # the same in both environments


def test_a_graph_that_differs_is_drawn_for_each_environment() -> None:
    made = site(flow("train", deployment(), deployment("staging/train", steps=("start", "end"))))
    page = Read(files_of(made)["flows/train.html"])
    assert sum("data-graph" in each for _, each in page.tags) == 2


def test_what_is_broken_or_gone_says_so() -> None:
    files = files_of(small_site())
    assert "flows/broken.py:3: error: no module named 'sklaern'" in Read(files["flows/broken.html"]).text
    assert "It is deployed, and the manifests no longer list it." in Read(files["flows/old.html"]).text


def test_who_starts_whom_is_drawn_by_environment() -> None:
    page = Read(files_of(small_site())["starts.html"])
    (drawn,) = [json.loads(str(each["data-graph"])) for _, each in page.tags if "data-graph" in each]
    names = [name for name, *_ in drawn["nodes"]]
    assert names == ["orders.arrived", "features", "train", "sales:prod/report"]
    arrows = {(names[source], names[target]) for source, target, *_ in drawn["edges"]}
    assert arrows == {("features", "train"), ("features", "sales:prod/report"), ("orders.arrived", "train")}
    assert [link for link in page.links() if "flows/" in link] == ["flows/features.html", "flows/train.html"]


def test_flows_that_have_nothing_to_do_with_each_other_are_drawn_apart() -> None:
    made = site(
        *(
            flow(name, deployment(f"prod/{name}", started_by=(SiteStart(event="e", address=f"prod/{source}"),)))
            for name, source in {"b": "a", "d": "c", "e": "d"}.items()
        )
    )
    page = Read(files_of(made)["starts.html"])
    drawn = [json.loads(str(each["data-graph"])) for _, each in page.tags if "data-graph" in each]
    assert [[name for name, *_ in each["nodes"]] for each in drawn] == [["c", "d", "e"], ["a", "b"]]


def test_a_catalogue_of_nothing_says_so() -> None:
    files = files_of(site())
    assert "No flows." in Read(files["index.html"]).text
    assert "No flow starts another one." in Read(files["starts.html"]).text


@pytest.mark.parametrize(
    "steps",
    [
        {},
        {"start": StepNode(kind="linear", next=("gone",)), "end": StepNode(kind="end", next=())},
        {"start": StepNode(kind="linear", next=("start",))},
    ],
)
def test_a_graph_that_somebody_forged_is_not_drawn(steps: Mapping[str, StepNode]) -> None:
    forged = deployment(graph=GraphDescription(start="start", end="end", steps=steps))
    page = Read(files_of(site(flow("train", forged)))["flows/train.html"])
    drawn = [each for _, each in page.tags if "data-graph" in each]
    assert len(drawn) == ("gone" not in str(steps) and bool(steps))
    assert "Does what fit does." in page.text


def test_a_server_that_did_not_answer_is_named() -> None:
    made = small_site()
    environment = made.environments[0].model_copy(update={"asked": False, "problem": "no answer within 2 seconds"})
    page = Read(files_of(made.model_copy(update={"environments": (environment,)}))["index.html"])
    assert "prod: no answer within 2 seconds" in page.text


def hostile_site() -> Site:
    """A flow whose every text tries to be markup."""
    hostile = deployment(
        f"prod/{HOSTILE}",
        name=HOSTILE,
        url=f"javascript:{HOSTILE}",
        owner=HOSTILE,
        description=HOSTILE,
        tags=(HOSTILE,),
        schedule=DAILY.model_copy(update={"text": HOSTILE, "next_runs": (HOSTILE,)}),
        started_by=(SiteStart(event=HOSTILE), SiteStart(event="e", address=HOSTILE)),
        starts=(SiteStart(event="e", address=f"prod/{HOSTILE}"),),
        parameters=(SiteParameter(name=HOSTILE, type="string", required=True, default=HOSTILE, help=HOSTILE),),
        steps=(HOSTILE, "end"),
        deployed=VERSION.model_copy(update={"commit_url": "javascript:alert(1)", "commit": HOSTILE, "author": HOSTILE}),
        problems=(HOSTILE,),
    )
    return site(flow(HOSTILE, hostile, doc=f"{HOSTILE}\n\n{HOSTILE}"), project=HOSTILE)


def test_hostile_texts_stay_text() -> None:
    files = files_of(hostile_site())
    for name, text in files.items():
        if name.endswith(".html"):
            tags = Read(text).tags
            assert [tag for tag, _ in tags if tag in ("img", "iframe", "object")] == []
            assert [tag for tag, _ in tags].count("script") == (1 if name == "index.html" else 3)
            assert not [each for _, each in tags if any(key.startswith("on") for key in each)]
            assert not [link for link in Read(text).links() if link.startswith("javascript")]
            assert "\u202e" not in text
            assert "\x1b" not in text
    assert all(name.isascii() and "<" not in name for name in files)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("train", "flows/train.html"),
        ("../../etc/passwd", "flows/-etc-passwd.3e79b6b68f8f.html"),
        ("a b", None),
        ("x" * 300, None),
        (".", None),
        ("", None),
    ],
)
def test_names_of_files_are_safe(name: str, file: str | None) -> None:
    found = page_names([name])[name]
    stem = found.removeprefix("flows/")
    assert len(stem) < 100
    assert "/" not in stem
    assert not stem.startswith(".")
    assert file is None or found.partition(".")[0] == file.partition(".")[0]


def test_names_that_differ_in_case_have_different_files() -> None:
    found = page_names(["Train", "train", "tune"])
    assert found["tune"] == "flows/tune.html"
    assert len({each.casefold() for each in found.values()}) == 3


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("https://a.example/b", True),
        ("http://a", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//a.example", False),
        ("https://a\n", False),
        ("", False),
        (None, False),
    ],
)
def test_only_addresses_of_the_web_are_links(url: Any, is_one: bool) -> None:
    assert is_web(url) is is_one


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-27T06:30+02:00", "2026-11-27 06:30 +02:00"),
        ("2026-11-27T06:30:01.5Z", "2026-11-27 06:30 UTC"),
        ("2026-11-27T06:30:01", "2026-11-27 06:30"),
        ("tomorrow", "tomorrow"),
    ],
)
def test_times_are_for_people(text: str, shown: str) -> None:
    assert moment(text) == shown


def test_resources_are_in_their_units() -> None:
    assert (
        resources_text({"cpu": 0.5, "memory": "500", "disk": 10240, "gpu": 0}) == "0.5 CPU, 500 MB memory, 10 GB disk"
    )
    assert resources_text({"memory": "4Gi"}) == "4Gi memory"
