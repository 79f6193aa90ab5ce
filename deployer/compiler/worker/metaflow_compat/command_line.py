"""Metaflow's command line, whose state has a flow's graph, environment and datastore."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

from metaflow import cli, decorators, lint, parameters
from metaflow._vendor import click
from metaflow.user_configs.config_options import config_options

from ....runtime.mfdeploy_task.metaflow_compat import accept_flow_options

ClickException = click.ClickException

FlowGraphError = lint.LintWarn

Result = TypeVar("Result")


def run_command(
    flow: Any, name: str, arguments: list[str], check: Callable[[], None], use: Callable[[Any], Result]
) -> Result:
    """What `use` makes of the state of Metaflow's command line (`obj`: flow, graph, environment, datastore, ...).

    The state is that of a command called `name` with these top-level arguments. The graph has been checked. `check` is
    called before that, once the mutators of flow and steps have changed the flow and before its decorators are
    initialized.
    """
    results: list[Result] = []

    def command(obj: Any) -> None:
        lint.linter.run_checks(obj.graph)
        results.append(use(obj))

    pre_mutate = flow._process_config_decorators

    def pre_mutate_and_check(*args: Any, **kwargs: Any) -> Any:
        found = pre_mutate(*args, **kwargs)
        check()
        return found

    flow._process_config_decorators = staticmethod(pre_mutate_and_check)
    instance = flow(use_cli=False)
    with parameters.flow_context(flow):
        # Metaflow does this when the module is imported, with the options of the flow at hand; here there was none yet.
        start = decorators.add_decorator_options(config_options(cli.start))
        accept_flow_options(cli)
        cli.cli.add_command(click.command(name)(click.pass_obj(command)))
        state = cli.CliState(instance)
        state.entrypoint = [sys.executable, sys.argv[0]]
        start.main(args=[*arguments, name], obj=state, standalone_mode=False, prog_name=sys.argv[0])
    return results[0]
