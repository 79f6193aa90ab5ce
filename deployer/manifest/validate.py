"""Validates a parsed manifest and reports each violation with its location.

Pydantic finds what is wrong (`keys.ManifestFile`); this module says where that was written, and in the words of a
manifest what is expected there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from deployer.errors import Location, nearest
from deployer.kubernetes.rules import RULES
from deployer.manifest import keys, pod_keys
from deployer.manifest.fields import PATTERNS, Settings, bare_type, keys_of, model_of, names_of, setting
from deployer.manifest.nodes import Items, Map, Node, Path, Report, Scalar, describe, shorten, to_data
from deployer.manifest.scalars import looks_like

Model = TypeVar("Model", bound=Settings)

# Where a key that is unknown among the settings of a flow may have been meant.
_ELSEWHERE: Final[tuple[tuple[type[Settings], str], ...]] = (
    (pod_keys.PodSettings, "pod settings go under `kubernetes:`, or under `steps:` for one step"),
    (keys.Schedule, "it goes under `schedule:`"),
    (keys.Retries, "it goes under `retries:`"),
    (keys.EnvironmentEntry, "it belongs to an environment"),
    (pod_keys.ClusterSettings, "it goes under an environment's `kubernetes:`"),
    (keys.FlowEntry, "it belongs to a flow"),
)
_OF_ENTRIES: Final = ("environments", "flows")  # sections whose entries have nothing to do with each other
_OF_A_KEY: Final = "[key]"  # how pydantic ends the path of a map's key


class _Violation(NamedTuple):
    """What pydantic found, with the node that it is about and the type that is declared there."""

    error: ErrorDetails
    node: Node
    key: Location
    path: Path
    declared: Any

    @property
    def bounds(self) -> Mapping[str, Any]:
        return self.error.get("ctx", {})


def validate(document: Map, report: Report) -> set[Path]:
    """Report everything that the registry of settings does not allow.

    Returns the entries with a violation: paths of a section and a name, as in ``("flows", "train")``.
    """
    flawed: set[Path] = set()
    for part in _parts(document):
        try:
            keys.ManifestFile.model_validate(to_data(part))
        except ValidationError as invalid:
            errors = invalid.errors(include_url=False, include_input=False)
            flawed |= {error["loc"][:2] for error in errors if _report(error, keys.ManifestFile, document, report)}
    return flawed


def validate_as(model: type[Model], document: Map, report: Report) -> Model | None:
    """A document of another kind as its model; None (and a report) where the model does not allow all of it."""
    try:
        return model.model_validate(to_data(document))
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False, include_input=False):
            _report(error, model, document, report)
        return None


def _parts(document: Map) -> Iterator[Map]:
    """The document in parts, so that the data of a thousand flows is never in memory at once: a third of the time."""
    yield Map({name: entry for name, entry in document.entries.items() if name not in _OF_ENTRIES}, document.location)
    for section in _OF_ENTRIES:
        whole = document.entries[section]
        for name, entry in whole.node.entries.items() if isinstance(whole.node, Map) else ():
            yield Map({section: whole._replace(node=Map({name: entry}, entry.key))}, document.location)


def _report(error: ErrorDetails, model: type[Settings], document: Map, report: Report) -> bool:
    """Whether the error is one of the document's own; a scalar that is broken has been reported."""
    loc = error["loc"]
    if error["type"] == "missing":
        return _report_missing(error, model, document, report)
    if loc[-1] == _OF_A_KEY:
        _report_key(_find(error, loc[:-1], model, document), report)
        return True
    found = _find(error, loc, model, document)
    if isinstance(found.node, Scalar) and found.node.broken:
        return False
    if error["type"] == "extra_forbidden":
        _report_unknown(_model_at(loc[:-1], model), str(loc[-1]), found, report)
    else:
        _WORDS.get(error["type"], _report_rule)(found, report)
    return True


def _find(error: ErrorDetails, loc: Iterable[str | int], model: type[Settings], document: Map) -> _Violation:
    node: Node = document
    key: Location = document.location
    path: Path = ()
    declared: Any = model
    for part in loc:
        declared = _below(declared, part)
        if isinstance(node, Items) and isinstance(part, int):
            node = node.nodes[part]
            key, path = node.location, (*path, part)
        elif isinstance(node, Map):
            path = path if node.short else (*path, part)
            key, node = node.entries[str(part)]
    return _Violation(error, node, key, path, declared)


def _below(declared: Any, part: str | int) -> Any:
    """The type that a part of a value has; None for what no model declares."""
    if model := model_of(declared):
        field = keys_of(model).get(str(part))
        return bare_type(field.annotation) if field else None
    arguments = get_args(declared)
    if get_origin(declared) is tuple:
        return bare_type(arguments[0])
    return bare_type(arguments[1]) if get_origin(declared) is Mapping else None


def _model_at(loc: Iterable[str | int], model: type[Settings]) -> type[Settings]:
    declared: Any = model
    for part in loc:
        declared = _below(declared, part)
    found = model_of(declared)
    assert found is not None
    return found


def _report_missing(error: ErrorDetails, model: type[Settings], document: Map, report: Report) -> bool:
    *above, name = error["loc"]
    holding = _model_at(above, model)
    if holding.short:  # another layer of the settings may have it; what is missing in the merged settings is reported
        return False
    holder = _find(error, above, model, document)
    purpose = next(setting(holding, field).purpose for field, key in names_of(holding).items() if key == name)
    report.error("missing-key", f"the key {name!r} is missing", holder.key, holder.path, _as_hint(purpose))
    return True


def _as_hint(purpose: str) -> str:
    text = purpose.rstrip(".")
    return text if text.startswith("Metaflow") else text[0].lower() + text[1:]


def _report_key(found: _Violation, report: Report) -> None:
    name = str(found.path[-1])
    if not name:
        message = "expected a name before the colon, found an empty text"
        report.error("bad-value", message, found.key, found.path, "give it a name, or leave it out")
        return
    expected = PATTERNS[found.bounds["pattern"]].replace(":", " is", 1)
    report.error("bad-name", f"{shorten(name)!r} is not a valid name", found.key, found.path, expected)


def _report_unknown(model: type[Settings], name: str, found: _Violation, report: Report) -> None:
    known = list(keys_of(model))
    # A key that is right elsewhere comes before one that is like it here.
    hint = _belongs(name, model) or nearest(name, known)
    if not hint and len(known) <= 8:
        hint = f"the keys here are {', '.join(known)}"
    report.error("unknown-key", f"unknown key {name!r}", found.key, found.path, hint)


def _belongs(name: str, model: type[Settings]) -> str:
    """Where a key that is known elsewhere should have been written."""
    if not issubclass(model, keys.FlowSettings):
        return ""
    return next((where for elsewhere, where in _ELSEWHERE if name in keys_of(elsewhere)), "")


def _wrong_type(expected: str, found: _Violation, report: Report, hint: str = "") -> None:
    if isinstance(found.node, Scalar) and found.node.value is None:
        hint = "give it a value, or leave the key out"
    message = f"expected {expected}, found {describe(found.node)}"
    report.error("wrong-type", message, found.node.location, found.path, hint)


def _bad_value(expected: str, found: _Violation, report: Report, hint: str = "") -> None:
    message = f"expected {expected} found {describe(found.node)}"
    report.error("bad-value", message, found.node.location, found.path, hint)


def _not_text(found: _Violation, report: Report) -> None:
    hint, node = "", found.node
    if isinstance(node, Scalar):
        quoted = f'put it in quotes: "{shorten(node.text)}"'
        hint = quoted if node.plain else f'declare the variable as text: "{node.text}"'
    _wrong_type("text", found, report, hint)


def _not_a_number(found: _Violation, report: Report) -> None:
    expected = "a number" if found.error["type"] == "float_type" else "a whole number"
    _wrong_type(expected, found, report, _as_number(found.node) or _without_unit(found))


def _as_number(node: Node) -> str:
    if not isinstance(node, Scalar):
        return ""
    meant = looks_like(node.text)
    if meant not in ("", "true", "false"):
        return f"write {meant}" + ("" if node.plain else " without quotes")
    if isinstance(node.value, str) and node.value.strip().isdigit():
        return f"write {node.value.strip()} without quotes"
    return ""


def _without_unit(found: _Violation) -> str:
    """How an amount of a pod setting is written that has a unit of Kubernetes, as in 4Gi."""
    rule = RULES.get(str(found.path[-1]))
    value = found.node.value if isinstance(found.node, Scalar) else None
    return next((each.hint for each in rule(value, ())), "") if rule and isinstance(value, str) else ""


def _not_a_flag(found: _Violation, report: Report) -> None:
    meant = looks_like(found.node.text) if isinstance(found.node, Scalar) else ""
    _wrong_type("true or false", found, report, f"write {meant}" if meant in ("true", "false") else "")


def _not_a_list(found: _Violation, report: Report) -> None:
    node = found.node
    takes_text = not any(model_of(item) for item in get_args(bare_type(found.declared)))
    hint = ""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        hint = f"write [{shorten(node.text)}]" if takes_text else "write [] for an empty one" * (node.value == "none")
    _wrong_type("a list", found, report, hint)


def _not_a_map(found: _Violation, report: Report) -> None:
    model = model_of(found.declared)
    _wrong_type(model.expected if model else "a map", found, report)


def _not_a_word(found: _Violation, report: Report) -> None:
    words = get_args(found.declared)
    value = found.node.value if isinstance(found.node, Scalar) else None
    hint = ""
    if not isinstance(words[0], str):
        hint = f"write {value} without quotes" if value in [str(word) for word in words] else ""
    elif isinstance(value, str):
        same = [word for word in words if word.lower() == value.lower()]
        hint = f"did you mean {same[0]!r}?" if same else nearest(value, words)
    *most, last = map(repr, words)
    _bad_value(f"{', '.join(most)} or {last}," if most else f"{last},", found, report, hint)


def _too_short(found: _Violation, report: Report) -> None:
    message = "expected text, found an empty one"
    report.error("bad-value", message, found.node.location, found.path, "leave the key out")


def _too_long(found: _Violation, report: Report) -> None:
    _bad_value(f"at most {found.bounds['max_length']} characters,", found, report)


def _other_pattern(found: _Violation, report: Report) -> None:
    _bad_value(f"{PATTERNS[found.bounds['pattern']]};", found, report)


def _out_of_bounds(found: _Violation, report: Report) -> None:
    words = {"gt": "more than", "ge": "at least", "le": "at most"}
    bound = next(f"{words[name]} {value:g}" for name, value in found.bounds.items() if name in words)
    _bad_value(f"{bound},", found, report)


def _report_rule(found: _Violation, report: Report) -> None:
    """A rule of `formats`, whose error has the diagnostic's code and hint; or one of pydantic's, in its words."""
    code = found.error["type"] if "hint" in found.bounds else "bad-value"
    report.error(code, found.error["msg"], found.node.location, found.path, found.bounds.get("hint", ""))


_WORDS: Final[Mapping[str, Callable[[_Violation, Report], None]]] = {
    "string_type": _not_text,
    "int_type": _not_a_number,
    "float_type": _not_a_number,
    "bool_type": _not_a_flag,
    "tuple_type": _not_a_list,
    "dict_type": _not_a_map,
    "model_type": _not_a_map,
    "literal_error": _not_a_word,
    "string_too_short": _too_short,
    "string_too_long": _too_long,
    "string_pattern_mismatch": _other_pattern,
    "greater_than": _out_of_bounds,
    "greater_than_equal": _out_of_bounds,
    "less_than_equal": _out_of_bounds,
}
