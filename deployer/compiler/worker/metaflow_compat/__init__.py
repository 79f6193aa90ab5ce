"""Every name of Metaflow's inside that the worker touches, and why; differences between versions are handled here.

Features are looked for, versions are not compared: builds of Metaflow by others have numbers of their own. What tasks
need as well is in the runtime's module of this name. Each module here serves one purpose; the rest of the worker
imports from the package itself. Elsewhere the worker imports `metaflow`, `metaflow.exception`,
`metaflow.metaflow_config` and `metaflow.plugins` only, which users and extensions of Metaflow import, too.
"""

from __future__ import annotations

from metaflow.mflog import export_mflog_env_vars
from metaflow.parameters import DeployTimeField, deploy_time_eval
from metaflow.plugins.aws.step_functions.production_token import new_token

from ....runtime.mfdeploy_task.metaflow_compat import (
    constructor_replaced,
    disable_step_decorator,
    is_json_type,
    new_main_module,
    parameters_of,
    step_decorators,
    unwrap_flow,
)
from .command_line import ClickException, FlowGraphError, run_command
from .datastore import (
    CONTENT_METADATA,
    limit_s3_requests,
    make_client,
    package_path,
    package_uri,
    save_file,
    save_token,
    token_path,
)
from .decorators import (
    UnknownStepDecorator,
    arguments_of,
    check_decorator_spec,
    initialize_decorator,
    is_added,
    is_inserted,
    is_sensor,
    sensor_task_name,
    user_decorators,
    user_defined_attributes,
)
from .flows import end_step, flow_decorators, flow_options, graph_of, start_step, steps_of, switch_of
from .packaging import (
    CodePackage,
    export_package_commands,
    fetch_package_commands,
    metaflow_files,
    open_package,
    package_policy,
    user_files_below,
)
from .preloading import preload
from .settings import configuration, functions_of_account, get_username, get_version
from .triggers import triggers_of
from .values import (
    check_parameters,
    config_keys,
    config_values,
    file_of_config,
    file_of_include,
    is_file_type,
    look_for_files,
    set_included_file,
)

__all__ = [
    "CONTENT_METADATA",
    "ClickException",
    "CodePackage",
    "DeployTimeField",
    "FlowGraphError",
    "UnknownStepDecorator",
    "arguments_of",
    "check_decorator_spec",
    "check_parameters",
    "config_keys",
    "config_values",
    "configuration",
    "constructor_replaced",
    "deploy_time_eval",
    "disable_step_decorator",
    "end_step",
    "export_mflog_env_vars",
    "export_package_commands",
    "fetch_package_commands",
    "file_of_config",
    "file_of_include",
    "flow_decorators",
    "flow_options",
    "functions_of_account",
    "get_username",
    "get_version",
    "graph_of",
    "initialize_decorator",
    "is_added",
    "is_file_type",
    "is_inserted",
    "is_json_type",
    "is_sensor",
    "limit_s3_requests",
    "look_for_files",
    "make_client",
    "metaflow_files",
    "new_main_module",
    "new_token",
    "open_package",
    "package_path",
    "package_policy",
    "package_uri",
    "parameters_of",
    "preload",
    "run_command",
    "save_file",
    "save_token",
    "sensor_task_name",
    "set_included_file",
    "start_step",
    "step_decorators",
    "steps_of",
    "switch_of",
    "token_path",
    "triggers_of",
    "unwrap_flow",
    "user_decorators",
    "user_defined_attributes",
    "user_files_below",
]
