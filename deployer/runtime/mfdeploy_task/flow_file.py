"""Runs a flow's file as ``python flow.py ARGUMENTS`` does, in this process or in a child."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .metaflow_compat import (
    accept_flow_options,
    append_arguments,
    constructor_replaced,
    import_cli,
    new_main_module,
    unwrap_flow,
)


def run_flow(flow_file: str, arguments: list[str], of_flow: Callable[[Any], list[str]] | None = None) -> int:
    """Runs the flow's file as ``python flow.py ARGUMENTS`` does. Returns the exit code.

    `of_flow` gives more arguments of the same command: it gets the flow's class as the flow's mutators left it, with
    the parameters that they added. The flow that METAFLOW_FLOW_NAME names is the one that runs, also where the file
    holds several or starts none.
    """
    wanted = os.environ["METAFLOW_FLOW_NAME"]
    module = new_main_module(flow_file)
    started = False

    def start(construct: Callable[..., None], self: Any, use_cli: bool) -> None:
        nonlocal started
        if not use_cli or started or not hasattr(module, wanted):
            construct(self, use_cli and started)
            return
        started = True
        flow = self if type(self).__name__ == wanted else object.__new__(unwrap_flow(getattr(module, wanted)))
        sys.argv = [flow_file, *arguments]
        cli = import_cli(type(flow))
        accept_flow_options(cli)
        if of_flow is not None:
            append_arguments(cli, of_flow)
        construct(flow, True)

    sys.argv = [flow_file]
    sys.path[0] = str(Path.cwd())
    try:
        with constructor_replaced(start):
            exec(compile(Path(flow_file).read_bytes(), flow_file, "exec"), module.__dict__)  # noqa: S102
            if not started:
                getattr(module, wanted)()
    except SystemExit as stop:
        return _exit_code(stop)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None or isinstance(stop.code, int):
        return stop.code or 0
    sys.stderr.write(f"{stop.code}\n")
    return 1


def in_child(work: Callable[[], int], quiet: bool = False) -> int:
    """Runs `work` in a forked process, which has Metaflow imported already and leaves this one as it was."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if quiet:
                silence = os.open(os.devnull, os.O_WRONLY)
                os.dup2(silence, 1)
                os.dup2(silence, 2)
            code = work()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
