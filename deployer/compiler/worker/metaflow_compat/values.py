"""Parameters, Configs and IncludeFiles: their values, and the files that they come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from metaflow import flowspec
from metaflow.includefile import FilePathClass, IncludeFile
from metaflow.parameters import DeployTimeField
from metaflow.user_configs.config_options import ConfigInput, ConvertPath
from metaflow.user_configs.config_parameters import dump_config_values

from ....runtime.mfdeploy_task.metaflow_compat import parameters_of


def config_values(flow: Any) -> dict[str, Any]:
    """The resolved value of each Config."""
    values = dump_config_values(flow).get("user_configs", {})
    if hasattr(flowspec, "FlowStateItems"):
        # Since 2.19.10 whether a value is plain text is noted beside it.
        return {name: value for name, (value, _) in values.items()}
    return dict(values)


def config_keys(flow: Any) -> dict[str, str]:
    """For each Config, what says on a task's command line that its value is in the code package."""
    return {
        parameter.name: ConfigInput.make_key_name(parameter.name)
        for _, parameter in parameters_of(flow)
        if parameter.IS_CONFIG_PARAMETER
    }


def check_parameters(flow: Any) -> None:
    """Raises MetaflowException for parameters of one name."""
    flow._check_parameters(config_parameters=False)


def file_of_config(parameter: Any) -> object:
    """The path, or the function that gives it, that the code names as a Config's file; None where it names none."""
    is_file = parameter.IS_CONFIG_PARAMETER and parameter._default_is_file
    return parameter.kwargs.get("default") if is_file else None


def file_of_include(parameter: Any) -> object:
    """The path, or the function that gives it, of an initialized IncludeFile; None for others and without one."""
    default = parameter.kwargs.get("default")
    is_file = is_file_type(parameter.kwargs.get("type")) and default is not None
    return default.print_representation if is_file else None


def look_for_files(find: Callable[[str], str]) -> None:
    """Lets Metaflow open the file of a Config or an IncludeFile at the path that `find` makes of the one it has."""
    config_file, included_file = ConvertPath.convert_value, FilePathClass.convert

    def convert_value(value: Any, is_default: bool) -> Any:
        return config_file(find(value) if isinstance(value, str) else value, is_default)

    def convert(self: Any, value: Any, *context: Any) -> Any:
        return included_file(self, find(value) if isinstance(value, str) else value, *context)

    ConvertPath.convert_value = staticmethod(convert_value)
    FilePathClass.convert = convert


def set_included_file(parameter: Any, file: str) -> None:
    """Gives an initialized IncludeFile a file as its default, in place of the one in the code, if any."""
    kind = parameter.kwargs["type"]
    evaluate = IncludeFile._eval_default(kind._is_text, kind._encoding, file)
    default = DeployTimeField(parameter.name, str, "default", evaluate, print_representation=file)
    parameter.kwargs.update(default=default, required=False)


def is_file_type(kind: object) -> bool:
    """Whether a parameter's type is that of an `IncludeFile`."""
    return isinstance(kind, FilePathClass)
