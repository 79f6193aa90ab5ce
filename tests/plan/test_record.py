"""The record is read back as it was written, and never run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.orchestrators.airflow import record

from . import made

BODY = '"""A DAG."""\n\nprint("dag airflow")\n'


def _record(**values):
    return made.record_of(made.desired(), **{"body_digest": record.digest_body(BODY), **values})


def test_a_record_is_read_back_as_written() -> None:
    text = record.write(BODY, _record())
    assert text.startswith(BODY)
    assert record.read(text) == (_record(), True)
    assert record.body(text) == BODY


def test_the_record_is_a_literal_of_the_file() -> None:
    names: dict = {}
    exec(compile(record.write(BODY, _record()), "dag", "exec"), names)
    assert names["MFDEPLOY_RECORD"]["dag_id"] == "TrainFlow"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_any_description_survives(value) -> None:
    written = _record(description={"settings": {"a": value}})
    assert record.read(record.write(BODY, written)) == (written, True)


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
        ("'format': 1", "'format': 2", "record format 2"),
        ("'owner': 'growth'", "'owner': open('x')", "damaged"),
        ("'owner': 'growth'", "'owner': 7", "another type"),
        ("'owner'", "'proprietor'", "'owner' is missing"),
        ("'format'", "'more': 1, 'format'", "'more' is unknown"),
        ("'since': '2026", "'since': 'x026", "damaged"),
        ("+00:00',\n    'provenance'", "',\n    'provenance'", "no timezone"),
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
    description = dict(reversed(list(_record().description.items())))
    assert record.write(BODY, replace(_record(), description=description)) == record.write(BODY, _record())
