"""The trigger form of real Airflows in a real browser: what nobody changes stays as it is, and all can be changed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from deployer.models.flow import Parameter
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.render import render
from tests.airflow.browser import browser
from tests.airflow.harness import installed, new_home
from tests.airflow.web import Form, open_form, serving
from tests.renderer import flows

pytestmark = pytest.mark.airflow
# Their forms differ; 3.0 has another one than later releases, and is tried by `make conformance`.
VERSIONS = ("2.10.5", "2.11.2", *(("3.0.6",) if os.environ.get("MFDEPLOY_CONFORMANCE") else ()), "3.3.2")
UPLOADED = {"note": "Internal representation", "type": "uploader-v2", "url": "s3://acme/<table>.csv"}
HOSTILE = 'it\'s "quoted" </textarea> & &amp; {{ ds }} \\ \t é 漢字 🚀 '
DEFAULTS = (
    Parameter("text", "string", 8, default="text", help="Some *text*"),
    Parameter("text_of_digits", "string", 8, default="0"),
    Parameter("text_hostile", "string", 8, default=HOSTILE),
    Parameter("text_empty", "string", 8, default=""),
    Parameter("text_lines", "string", 8, default="one\n two\n"),
    Parameter("text_ends", "string", 8, default="\none\r\ntwo\rthree"),
    Parameter("text_none", "string", 8),
    Parameter("words", "string", 8, default="a,b", separator=","),
    Parameter("words_none", "string", 8, default="", separator=","),
    Parameter("whole", "integer", 8, default=0),
    Parameter("whole_negative", "integer", 8, default=-7),
    Parameter("whole_none", "integer", 8),
    Parameter("real", "number", 8, default=2.5),
    Parameter("real_tiny", "number", 8, default=1e-9),
    Parameter("real_none", "number", 8),
    Parameter("on", "boolean", 8, default=True),
    Parameter("off", "boolean", 8, default=False),
    Parameter("flag_none", "boolean", 8),
    Parameter("file", "file", 8, default=json.dumps(UPLOADED)),
    Parameter("file_map", "file", 8, default=UPLOADED),
    Parameter("file_none", "file", 8),
    Parameter("json_text", "json", 8, default="text"),
    Parameter("json_text_empty", "json", 8, default=""),
    Parameter("json_list", "json", 8, default=[1, 2.5, None]),
    Parameter("json_maps", "json", 8, default=[{"a": [1]}]),
    Parameter("json_list_empty", "json", 8, default=[]),
    Parameter("json_map", "json", 8, default={"a": [HOSTILE, True, {"b": None}]}),
    Parameter("json_map_empty", "json", 8, default={}),
    Parameter("json_none", "json", 8),
    Parameter("json_zero", "json", 8, default=0),
    Parameter("json_number", "json", 8, default=2.5),
    Parameter("json_false", "json", 8, default=False),
    Parameter("json_true", "json", 8, default=True),
)
REQUIRED = (
    Parameter("text", "string", 8, required=True),
    Parameter("whole", "integer", 8, required=True),
    Parameter("real", "number", 8, required=True),
    Parameter("flag", "boolean", 8, required=True),
    Parameter("document", "json", 8, required=True),
    Parameter("file", "file", 8, required=True),
)
DAGS = {"defaults": DEFAULTS, "changed": DEFAULTS, "required": REQUIRED}
Opener = Callable[[str], Form]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with browser(tmp_path_factory.mktemp("chromium")) as context:
        yield context


@pytest.fixture(scope="module", params=VERSIONS)
def form(
    request: pytest.FixtureRequest, chromium: BrowserContext, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opener]:
    """A function that opens the form of a DAG, for each Airflow."""
    folder: Path = tmp_path_factory.mktemp("airflow")
    home = new_home(installed(request.param), folder, folder / "dags")
    for name, parameters in DAGS.items():
        deployment, flow = flows.deployment(name=name, dag_id=name), flows.linear(parameters=parameters)
        assert check(deployment, flow) == []
        (home.dags / f"{name}.py").write_text(render(deployment, flow, flows.package(flow)))
    with serving(home) as url:
        yield lambda dag_id: open_form(home, url, _only_page(chromium), dag_id)


def _only_page(chromium: BrowserContext) -> Page:
    """A new page; earlier ones are closed, since a page that is open goes on asking Airflow for news."""
    page = chromium.new_page()
    # Milliseconds. A machine with much else to do takes its time; a test that passes waits for nothing.
    page.set_default_timeout(180_000)
    for other in chromium.pages:
        if other is not page:
            other.close()
    return page


def as_json(values: dict[str, Any]) -> dict[str, str]:
    """Text that tells 0 from false, and null from nothing."""
    return {name: json.dumps(value, sort_keys=True) for name, value in values.items()}


def test_trigger_gives_back_every_default(form: Opener) -> None:
    opened = form("defaults")
    assert opened.can_be_sent()
    opened.press_trigger()
    (conf,) = opened.confs()
    assert as_json(conf) == as_json({parameter.name: parameter.default for parameter in DEFAULTS})


def test_every_value_can_be_changed(form: Opener) -> None:
    opened = form("changed")
    typed = {
        "text": ("é 'x'", "é 'x'"),
        "text_none": ("now", "now"),
        "text_lines": ("a\nb", "a\nb"),
        "words": ("c", "c"),
        "file": ("other.csv", "other.csv"),
        "whole": ("12", 12),
        "whole_negative": ("0", 0),
        "whole_none": ("3", 3),
        "real": ("0.125", 0.125),
        "real_none": ("1.5", 1.5),
        "json_zero": ("7", 7),
        "json_number": ("0", 0),
    }
    written = {
        "text_empty": ('"now"', "now"),
        "flag_none": ("true", True),
        "json_text": ("[1]", [1]),
        "json_list": ("[0.5, null]", [0.5, None]),
        "json_maps": ('{"b": false}', {"b": False}),
        "json_map_empty": ('[{"a": [1]}]', [{"a": [1]}]),
        "json_list_empty": ("{}", {}),
        "json_none": ('{"a": "b"}', {"a": "b"}),
        "file_map": (json.dumps({**UPLOADED, "url": "s3://acme/b.csv"}), {**UPLOADED, "url": "s3://acme/b.csv"}),
    }
    switched = {"on": False, "off": True, "json_false": True, "json_true": False}
    for name, (text, _) in typed.items():
        opened.fill(name, text)
    for name, (text, _) in written.items():
        opened.write(name, text)
    for name in switched:
        opened.switch(name)
    opened.press_trigger()
    (conf,) = opened.confs()
    changed = {**{name: value for name, (_, value) in (typed | written).items()}, **switched}
    assert as_json(conf) == as_json({parameter.name: parameter.default for parameter in DEFAULTS} | changed)


def test_what_is_required_is_asked_for(form: Opener) -> None:
    typed = {"text": "a", "whole": "1", "real": "0.5", "file": "table.csv"}
    opened = form("required")
    assert not opened.can_be_sent()
    for name, text in typed.items():
        opened.fill(name, text)
    # No form has a field for a boolean or JSON that the browser would ask for: Airflow itself does.
    opened.press_trigger()
    assert opened.confs() == []
    opened = form("required")
    for name, text in typed.items():
        opened.fill(name, text)
    opened.write("document", '{"a": [1]}')
    opened.write("flag", "true")
    opened.press_trigger()
    given = {"text": "a", "whole": 1, "real": 0.5, "flag": True, "document": {"a": [1]}, "file": "table.csv"}
    assert [as_json(conf) for conf in opened.confs()] == [as_json(given)]
