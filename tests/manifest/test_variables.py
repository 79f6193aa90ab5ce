"""References in values, and the mark of a secret."""

from __future__ import annotations

from typing import Any

from deployer.errors import Location
from deployer.manifest.nodes import Entry, Items, Map, Report, Scalar, SecretText, describe, shown, to_data
from deployer.manifest.variables import Substitution, Variable

HERE = Location("a.yaml", 1, 1)
ALLOWED = frozenset({"environments.*.airflow.auth"})
AUTH = ("environments", "prod", "airflow", "auth")


def substitute(text: str, path: tuple[str, ...] = AUTH, **options: Any) -> tuple[Scalar, Substitution]:
    environ = {"TOKEN": "hunter2", "EMPTY": ""}
    values = {"x": Variable("dev", "dev"), "n": Variable(3, "3")}
    substitution = Substitution(values, environ, True, Report(), may_be_secret=ALLOWED, **options)
    node = substitution.replace(Scalar(text, HERE, text), path)
    assert isinstance(node, Scalar)
    return node, substitution


def test_a_secret_keeps_its_mark_and_never_shows() -> None:
    node, substitution = substitute("Bearer ${env.TOKEN}/${var.x}")
    assert node.value == "Bearer hunter2/dev"
    assert isinstance(node.value, SecretText)
    assert substitution.report.errors == 0
    assert "hunter2" not in repr(node)
    assert describe(node) == "a secret text"
    assert (node.text, shown(node)) == ("Bearer ${env.TOKEN}/dev", "Bearer ${env.TOKEN}/dev")
    assert node.value.references == (("${env.TOKEN}", "hunter2"),)


def test_defaults_are_secret_too() -> None:
    for name in ("NOT_SET", "EMPTY"):
        node, _ = substitute(f"${{env.{name}:-a:-b}}")
        assert node.value == "a:-b"
        assert isinstance(node.value, SecretText)
        assert node.value.written == f"${{env.{name}}}"


def test_a_secret_is_refused_by_its_place_whether_it_is_set_or_not() -> None:
    for name in ("TOKEN", "NOT_SET"):
        node, substitution = substitute(f"${{env.{name}}}", ("flows", "train", "description"))
        assert node.broken
        assert [found.code for found in substitution.report.found] == ["secret-in-dag"]


def test_a_variable_of_the_process_must_be_set_only_where_it_is_asked_for() -> None:
    node, substitution = substitute("${env.NOT_SET}")
    assert node.broken
    assert [found.code for found in substitution.report.found] == ["unset-variable"]
    node, substitution = substitute("${env.NOT_SET}", is_asked=lambda path: False)
    assert not node.broken
    assert substitution.report.errors == 0


def test_a_whole_reference_keeps_the_type_and_a_part_is_text() -> None:
    assert substitute("${var.n}")[0].value == 3
    assert substitute("a${var.n}")[0].value == "a3"
    assert substitute("$${var.n}")[0].value == "${var.n}"


def test_nothing_is_read_twice() -> None:
    substitution = Substitution({"x": Variable("${var.x}", "${var.x}")}, {}, True, Report())
    node = substitution.replace(Scalar("a ${var.x}", HERE), ())
    assert to_data(node) == "a ${var.x}"


def test_a_tree_without_references_is_the_same_tree() -> None:
    tree = Map({"a": Entry(HERE, Items((Scalar(1, HERE), Scalar("b", HERE)), HERE))}, HERE)
    assert Substitution({}, {}, True, Report()).replace(tree, ()) is tree
