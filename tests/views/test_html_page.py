from __future__ import annotations

import base64
import hashlib
import re

import pytest

from deployer.views.html.drawing import draw
from deployer.views.html.page import PLAIN, WITH_DRAWINGS, asset, render, shared_assets, templates
from tests.vendored import ASSETS, digest, vendored
from tests.views.reading import Read

HOSTILE = "</title><script>alert('x')</script>\"'&]]>\u202e\x1b[31m\x00"
DIGEST = re.compile(r"'(sha256-[^']+)'")


@pytest.mark.parametrize("scripts", [PLAIN, WITH_DRAWINGS, ()])
def test_the_policy_allows_what_the_page_contains_and_nothing_else(scripts: tuple[str, ...]) -> None:
    page = Read(render("base.html", title="A plan", scripts=scripts))
    policy = page.policy
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data:"
    for tag in ("script", "style"):
        found = [_digest(text) for text in page.texts.get(tag, [])]
        assert found == DIGEST.findall(policy[f"{tag}-src"])
    assert "unsafe" not in str(policy)
    assert not [each for _, attributes in page.tags for each in attributes if each.startswith("on") or each == "style"]
    assert not [each for _, attributes in page.tags for each in ("src", "href") if "//" in str(attributes.get(each))]


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def test_a_hostile_title_stays_text() -> None:
    page = Read(render("base.html", title=HOSTILE))
    assert [tag for tag, _ in page.tags].count("script") == 1
    shown = "</title><script>alert('x')</script>\"'&]]>\\u202e\\x1b[31m\\x00"
    assert page.texts["h1"] == [shown]
    assert "".join(page.texts["title"]) == shown


def test_pages_of_a_site_link_what_they_share() -> None:
    page = Read(render("base.html", title="A site", scripts=WITH_DRAWINGS, shared="../"))
    linked = [str(each.get("src") or each["href"]) for tag, each in page.tags if tag in ("link", "script")]
    assert linked == [f"../{each.name}" for each in shared_assets()]
    assert page.policy["script-src"] == page.policy["style-src"] == "'self' file:"
    assert page.policy["default-src"] == "'none'"
    assert "style" not in page.texts


def test_a_name_that_is_not_given_is_an_error() -> None:
    with pytest.raises(Exception, match="nothing_like_it"):
        templates().from_string("{{ nothing_like_it }}").render()


def test_dagre_is_as_its_maker_published_it_and_comes_with_its_licence() -> None:
    for name, about in vendored().items():
        assert digest((ASSETS / name).read_bytes()) == about["sha256"]
    found = asset("dagre.min.js").text
    assert found.lstrip().startswith("/*\nCopyright (c) 2012-2014 Chris Pettitt")
    assert "sourceMappingURL" not in found
    assert "</script" not in found.lower()


def test_a_drawing_is_text_and_data() -> None:
    graph = {"start": HOSTILE, "end": HOSTILE, "steps": {HOSTILE: {"kind": "end", "next": []}}}
    drawn = draw(graph, title=HOSTILE)  # type: ignore[arg-type]
    assert "<script" not in drawn
    assert drawn.isascii()
