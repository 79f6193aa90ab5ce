"""The fields in which two descriptions, or two parts of them, differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

from pydantic import BaseModel, JsonValue

from deployer.models.description import same_value, to_json
from deployer.models.plan import FieldChange

_KIND = "kind"
_WHOLE: Mapping[str, Set[str]] = {}


def differences(
    path: str, before: object, after: object, narrowed: Mapping[str, Set[str]] = _WHOLE
) -> Iterator[FieldChange]:
    """The smallest fields below `path` whose values differ; a field that is not set counts as None.

    `before` and `after` are models, maps of them, or JSON values. `narrowed` gives, by the path of a map, the only
    names in it that are compared.
    """
    if before == after:
        return
    old, new = _fields(before, after), _fields(after, before)
    if old is None or new is None:
        yield FieldChange(path, _plain(before), _plain(after))
        return
    names = old.keys() | new.keys()
    for name in sorted(names & narrowed[path] if path in narrowed else names):
        yield from differences(f"{path}.{name}", old.get(name), new.get(name), narrowed)


def order_differences(path: str, before: JsonValue, after: JsonValue) -> Iterator[FieldChange]:
    """What `differences` does not see below `path`: maps whose keys have another order, a key that comes or goes with
    the value null, and 1 that became 1.0 or true.

    Only the keys that both maps have count for the order: any other key that comes or goes is a difference of its own.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        is_reordered = [name for name in before if name in after] != [name for name in after if name in before]
        if is_reordered or any({**before, **after}[name] is None for name in before.keys() ^ after.keys()):
            yield FieldChange(path, before, after)
        for name in sorted(before.keys() & after.keys()):
            yield from order_differences(f"{path}.{name}", before[name], after[name])
    elif before == after and not same_value(before, after):
        yield FieldChange(path, before, after)


def _fields(value: object, other: object) -> Mapping[str, object] | None:
    """The fields of a model that are set, or the items of a map; None for what has no fields."""
    if isinstance(value, BaseModel):
        found = {name: getattr(value, name) for name in value.model_fields_set}
        return found if type(value) is type(other) else _as_variant(found, value, other)
    return value if isinstance(value, Mapping) else None


def _as_variant(fields: Mapping[str, Any], value: BaseModel, other: object) -> Mapping[str, Any]:
    """The fields beside those of another variant of a union.

    What only one of them has counts as its default where it is not set, on both sides, so that a schedule that comes
    or goes shows no default. The kind is not shown: the fields that come and go say it.
    """
    if not isinstance(other, BaseModel):
        return fields
    found = {**_defaults(value), **_defaults(other), **fields}
    return {name: each for name, each in found.items() if name != _KIND}


def _defaults(value: BaseModel) -> Mapping[str, Any]:
    fields = type(value).model_fields.items()
    return {name: field.get_default() for name, field in fields if not field.is_required()}


def _plain(value: object) -> JsonValue:
    if isinstance(value, BaseModel):
        return to_json(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    plain: JsonValue = value  # type: ignore[assignment]  # what else a description holds is a scalar
    return plain
