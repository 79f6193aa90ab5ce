"""The record is read back as it was written, and never run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.models.description import Description, same_description, to_json
from deployer.models.digest import digest_text
from deployer.orchestrators.airflow import record

from . import made

BODY = '"""A DAG."""\n\nprint("dag airflow")\n'


def _record(**values):
    return made.record_of(made.desired(), **{"body_digest": digest_text(BODY), **values})


def test_a_record_is_read_back_as_written() -> None:
    text = record.write(BODY, _record())
    assert text.startswith(BODY)
    assert record.read(text) == (_record(), True)
    assert record.body(text) == BODY


def test_the_record_is_a_literal_of_the_file() -> None:
    names: dict = {}
    exec(compile(record.write(BODY, _record()), "dag", "exec"), names)
    assert names["MFDEPLOY_RECORD"]["name"] == "TrainFlow"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_any_description_survives(value) -> None:
    described = made.desired().description
    settings = described.settings.model_copy(update={"a": value, "configs": {"a": value}})
    written = _record(description=described.model_copy(update={"settings": settings}))
    found = record.read(record.write(BODY, written))
    assert found == (written, True)
    assert same_description(found[0].description, written.description)


@pytest.mark.parametrize("edit", [("print", "prynt"), ('"""A', '"""An'), ("\n}\n", "\n}\nprint(1)\n")])
def test_an_edit_by_hand_shows(edit) -> None:
    text = record.write(BODY, _record()).replace(*edit)
    found = record.read(text)
    assert found is not None
    assert found[1] is False


def test_a_file_without_a_record_has_none() -> None:
    assert record.read(BODY) is None
    assert record.read("") is None


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("'format': 2", "'format': 3", "3 is the format of a later mfdeploy; this one reads 1 and 2"),
        ("'owner': 'growth'", "'owner': open('x')", "damaged"),
        ("'owner': 'growth'", "'owner': 7", "owner: input should be a valid string"),
        ("'owner'", "'proprietor'", "owner: the key is missing"),
        ("'format'", "'more': 1, 'format'", "more: unknown key"),
        ("'since': '2026", "'since': 'x026", "damaged"),
        ("+00:00',\n    'provenance'", "',\n    'provenance'", "since: it has no timezone"),
        ("\n}\n", "\n", "cut off"),
        ("\n\n\n# What mfdeploy", "\n# What mfdeploy", "not where mfdeploy writes it"),
    ],
)
def test_a_damaged_record_is_told_and_not_run(old, new, problem) -> None:
    text = record.write(BODY, _record())
    assert old in text
    with pytest.raises(record.RecordError, match=problem):
        record.read(text.replace(old, new))


def test_the_same_record_gives_the_same_text() -> None:
    written = record.write(BODY, _record())
    data = to_json(_record().description)
    turned = Description.model_validate(dict(reversed(data.items())))
    assert record.write(BODY, replace(_record(), description=turned)) == written
