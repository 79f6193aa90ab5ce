"""What the settings in `keys` are declared with: value types, the base model, and what a setting says of itself.

A declaration is read by pydantic alone: it validates what users write, builds what the program uses, and gives the JSON
Schema. Types are strict, so that no value is converted to another without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, TypeVar, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    GetPydanticSchema,
    JsonValue,
    Strict,
    StringConstraints,
    WithJsonSchema,
    WrapValidator,
)
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from deployer.manifest.formats import (
    check_airflow_version,
    check_branch,
    check_branches,
    check_crons,
    check_date,
    check_duration,
    check_include_pattern,
    check_listed_cron,
    check_own_branch,
    check_pattern,
    check_reference,
    check_scalar,
    check_timezone,
    check_url,
    check_variable_name,
)

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")

NAME: Final = r"^[a-zA-Z][a-zA-Z0-9_-]*$"
DAG_ID: Final = r"^[A-Za-z0-9_.-]+$"
# What a text is that matches a pattern, in the words of an error message.
PATTERNS: Final[Mapping[str, str]] = {
    NAME: "a name: a letter, then letters, digits, _ or -",
    DAG_ID: "a DAG id: letters, digits, _, . or -",
}

# The sections of the canonical description that show a change of a setting.
Section = Literal["schedule", "parameters", "retries", "resources", "settings"]


@dataclass(frozen=True)
class Setting:
    """What a setting says of itself, beside its type and its default.

    `purpose` is one sentence, for the schema, the reference and hints. `section` is the section of the canonical
    description in which a change of it shows. The section `settings` holds the value under the setting's own name,
    unless `note` says how else it gets into its section; without a section, `note` says why it is not compared.

    `order` tells what the description keeps of a list: all of it (`written`), or not the order (`sorted`), or neither
    the order nor repeats (`set`). `omit_default` leaves the default out of the description: for a setting that came
    after DAGs had been deployed, whose records do not have it. `may_be_secret` allows `${env.X}` as the value: no DAG,
    plan or record may ever hold it. `orchestrator` names the only one that has the setting; empty where all have it.
    """

    purpose: str
    section: Section | None = None
    note: str = ""
    order: Literal["written", "sorted", "set"] = "written"
    omit_default: bool = False
    may_be_secret: bool = False
    orchestrator: str = ""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "description": self.purpose}

    @property
    def is_described_by_value(self) -> bool:
        """Whether the description's section `settings` holds the value under the setting's name."""
        return self.section == "settings" and not self.note

    def described(self, value: Any) -> JsonValue:
        """The value as the canonical description holds it."""
        if self.order == "written":
            return to_json(value)
        return sorted(set(value) if self.order == "set" else value)


class Settings(BaseModel):
    """A map of settings with fixed keys.

    Where it may be written as one scalar, `short` is the key that the scalar is the value of, and `expected` says in
    words what may be written. Such a map may be spread over the layers of a flow's settings, so that a key without a
    default may be missing in one of them. With `short_list` a list is short for it, too.
    """

    # Built where they are first used: a manifest that is refused needs no resolved deployment. Those that several
    # others have as a value say `defer_build=False`: once built, they are not built again for each of these.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)
    short: ClassVar[str] = ""
    short_list: ClassVar[bool] = False
    expected: ClassVar[str] = "a map"

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """This object, which nobody changes: pydantic copies each default that holds a map, for each deployment."""
        return self

    def written(self) -> dict[str, JsonValue]:
        """The keys that were given, as in a manifest."""
        given = self.model_fields_set
        return {key: to_json(getattr(self, name)) for name, key in names_of(type(self)).items() if name in given}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        reference = handler(schema)
        whole = handler.resolve_ref_schema(reference)
        if cls.short and "anyOf" not in whole:
            whole.pop("required", None)
            complete = dict(whole)
            whole.clear()
            whole["anyOf"] = [complete["properties"][cls.short], complete]
        return reference


@dataclass(frozen=True)
class ResolvedPath:
    """A folder or URL: `written` as in the manifest, `resolved` as this machine reaches it (absolute path, URL).

    `secrets` are the references ``${env.X}`` in it with their values: only `written` may be shown, kept or compared.

    Validation accepts a text too and resolves nothing: which manifest a relative path belongs to is known to the
    loader alone.
    """

    written: str
    resolved: str = field(repr=False)
    secrets: tuple[tuple[str, str], ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        def accept(value: object, validate: Callable[[object], str]) -> ResolvedPath:
            if isinstance(value, cls):
                return value
            text = validate(value)
            return cls(text, text)

        return core_schema.no_info_wrap_validator_function(accept, core_schema.str_schema(strict=True, min_length=1))


@dataclass(frozen=True)
class Secret:
    """A secret that whoever plans has in the process environment.

    `written` is the reference (``${env.X}``), which may be shown, and by which secrets are compared. A secret that is
    written out is refused.
    """

    written: str
    value: str = field(repr=False, compare=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        def accept(value: object, validate: Callable[[object], str]) -> Secret:
            if isinstance(value, cls):
                return value
            text = validate(value)
            return cls(check_reference(value), text)

        return core_schema.no_info_wrap_validator_function(accept, core_schema.str_schema(strict=True, min_length=1))


def _without_null(source: Any, handler: Callable[[Any], CoreSchema]) -> CoreSchema:
    return handler(next(kind for kind in get_args(source) if kind is not type(None)))


def _keep(value: Any, validate: Callable[[Any], Any]) -> Any:
    validate(value)
    return value


# A setting that may be absent; a written null is refused.
Omissible = Annotated[T | None, GetPydanticSchema(_without_null)]
# Settings with names of the user's own.
Text = Annotated[str, StringConstraints(min_length=1)]
Name = Annotated[str, StringConstraints(pattern=NAME)]
DagId = Annotated[str, StringConstraints(pattern=DAG_ID, max_length=250)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Items = Annotated[tuple[T, ...], Strict(False)]
Texts = Items[Text]
ByName = Mapping[Text, T]
Positive = Annotated[int, Field(ge=1)]
NotNegative = Annotated[int, Field(ge=0)]
Port = Annotated[int, Field(ge=1, le=65535)]
# Metaflow runs a task five times at most.
RetryCount = Annotated[int, Field(ge=0, le=4)]
# Documents hold nothing but JSON values, which need no validation each.
AnyValue = Annotated[JsonValue, GetPydanticSchema(lambda source, handler: core_schema.any_schema())]
# A whole number stays one: 2 and 2.0 are two texts in a DAG file.
Minutes = Annotated[float, Field(ge=0), WrapValidator(_keep)]
Cpus = Annotated[float, Field(gt=0), WrapValidator(_keep)]
Cron = Annotated[str, BeforeValidator(check_listed_cron)]
Crons = Annotated[
    str | tuple[str, ...] | None,
    GetPydanticSchema(lambda source, handler: handler(Items[Cron])),
    WrapValidator(check_crons),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
Timezone = Annotated[str, BeforeValidator(check_timezone)]
Date = Annotated[str, BeforeValidator(check_date)]
IncludePattern = Annotated[str, BeforeValidator(check_include_pattern)]
VariableName = Annotated[str, BeforeValidator(check_variable_name)]
Branches = Annotated[Items[Annotated[str, BeforeValidator(check_branch)]], BeforeValidator(check_branches)]
OwnBranch = Annotated[str, BeforeValidator(check_own_branch)]
Patterns = Items[Annotated[Text, BeforeValidator(check_pattern)]]
Url = Annotated[str, BeforeValidator(check_url)]
Duration = Annotated[str, BeforeValidator(check_duration)]
AirflowVersion = Annotated[str, BeforeValidator(check_airflow_version)]
Scalar = Annotated[
    AnyValue, BeforeValidator(check_scalar), WithJsonSchema({"type": ["string", "number", "boolean", "null"]})
]


@lru_cache(maxsize=64)
def keys_of(model: type[Settings]) -> Mapping[str, FieldInfo]:
    """The fields of a model by the keys that users write."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


@lru_cache(maxsize=64)
def names_of(model: type[Settings]) -> Mapping[str, str]:
    """The keys that users write by the names of a model's fields."""
    return {name: field.alias or name for name, field in model.model_fields.items()}


@lru_cache(maxsize=512)
def setting(model: type[Settings], name: str) -> Setting:
    """What the field `name` of a model says of itself. Raises LookupError for a field without a declaration."""
    for each in model.model_fields[name].metadata:
        if isinstance(each, Setting):
            return each
    raise LookupError(f"{model.__name__}.{name} has no declaration")


def settings_of_orchestrator(orchestrator: str, *models: type[Settings]) -> frozenset[str]:
    """The keys of the models that only this orchestrator has."""
    return frozenset(
        key
        for model in models
        for name, key in names_of(model).items()
        if setting(model, name).orchestrator == orchestrator
    )


def bare_type(annotation: Any) -> Any:
    """A type without what Annotated adds and without None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return bare_type(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return bare_type(next(kind for kind in get_args(annotation) if kind is not type(None)))
    return annotation


def model_of(annotation: Any) -> type[Settings] | None:
    """The model that a type is, without what `bare_type` takes off; None for other types."""
    declared = bare_type(annotation)
    # Python 3.10 takes a generic alias for a type.
    is_class = isinstance(declared, type) and get_origin(declared) is None
    return declared if is_class and issubclass(declared, Settings) else None


def secret_paths(model: type[Settings], path: str = "") -> Iterator[str]:
    """Dotted paths (`*` for any name) of the settings of a model that may be secret."""
    for name, key in names_of(model).items():
        below, declared = f"{path}{key}", bare_type(model.model_fields[name].annotation)
        if setting(model, name).may_be_secret:
            yield below
        if get_origin(declared) is Mapping:
            below, declared = f"{below}.*", bare_type(get_args(declared)[1])
        if inner := model_of(declared):
            yield from secret_paths(inner, f"{below}.")


def to_json(value: object) -> JsonValue:
    """A value of a setting as JSON values, paths as they are written."""
    if isinstance(value, (ResolvedPath, Secret)):
        return value.written
    if isinstance(value, Settings):
        return value.written()
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise TypeError(f"a setting of the type {type(value).__name__}")
