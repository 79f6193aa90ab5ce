"""What runs when the steps of a run have ended: the functions that `@exit_hook` names.

Which names a task finds is the rule of Metaflow's own metaflow/plugins/exit_hook/exit_hook_script.py; which options
there are is that of `ArgoWorkflows._lifecycle_hook_from_deco` in metaflow/plugins/argo/argo_workflows.py.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from typing import Any

from ..protocol import HookData, HookKind, Job, Problem
from .metaflow_compat import flow_decorators
from .problems import nearest
from .source import Location, Source

DECORATOR = "exit_hook"
# The argument of the decorator -> `on` of `deployer.models.flow.Hook`.
_ARGUMENTS: dict[str, HookKind] = {"on_success": "success", "on_error": "error"}
_OPTIONS = ("image",)


def check_hooks(flow: Any, source: Source) -> Iterator[Problem]:
    """Problems of arguments, before Metaflow reads them: its errors name neither the argument nor the line."""
    for decorator, location in _decorators(flow, source):
        if not any(decorator.attributes[argument] for argument in _ARGUMENTS):
            message = "@exit_hook has neither on_success nor on_error"
            yield Problem("bad-hook", message, *location, hint="name a function: on_error=[function]")
        for argument in _ARGUMENTS:
            yield from _check_functions(flow, argument, decorator.attributes[argument], location)
        yield from _check_options(decorator.attributes["options"] or {}, location)


def describe_hooks(flow: Any, source: Source) -> list[HookData]:
    """Each hook in the form of `deployer.models.flow.Hook`: of several for one function and one end, the first."""
    found: dict[tuple[HookKind, str], HookData] = {}
    for decorator, (_, line) in _decorators(flow, source):
        image = str((decorator.attributes["options"] or {}).get("image") or "")
        for argument, kind in _ARGUMENTS.items():
            for given in decorator.attributes[argument] or ():
                name = _name(given)
                found.setdefault((kind, name), {"function": name, "on": kind, "image": image, "line": line})
    return [found[key] for key in sorted(found)]


def hook_warnings(job: Job, flow: Any, source: Source) -> Iterator[Problem]:
    """Warnings for images where no hook runs in a container."""
    for decorator, location in _decorators(flow, source):
        if not job.on_kubernetes and (decorator.attributes["options"] or {}).get("image"):
            message = "the image of @exit_hook has no effect: the environment's compute is local"
            yield Problem("inert", message, *location, severity="warning")


def _decorators(flow: Any, source: Source) -> Iterator[tuple[Any, Location]]:
    decorators = flow_decorators(flow).get(DECORATOR, [])
    for decorator in decorators:
        yield decorator, source.flow_decorator(decorator, decorators)


def _name(given: Any) -> str:
    return given if isinstance(given, str) else str(getattr(given, "__name__", ""))


def _check_functions(flow: Any, argument: str, given: Any, location: Location) -> Iterator[Problem]:
    if given is not None and not isinstance(given, (list, tuple)):
        message = f"@exit_hook: {argument} is not a list of functions"
        yield Problem("bad-hook", message, *location, hint=f"write {argument}=[function]")
        return
    for each in given or ():
        if not (isinstance(each, str) or callable(each)):
            message = f"@exit_hook: {argument} holds {each!r:.100}, which is neither a function nor the name of one"
            yield Problem("bad-hook", message, *location)
        else:
            yield from _check_name(flow, argument, _name(each), location)


def _check_name(flow: Any, argument: str, name: str, location: Location) -> Iterator[Problem]:
    """A task is given the name alone, and looks for it in the flow's file or imports it."""
    module = name.partition(".")[0]
    if not name or not all(part.isidentifier() for part in name.split(".")):
        message = f"@exit_hook: {argument} holds {name or 'a function without a name'}, which no task can find by name"
        yield Problem("bad-hook", message, *location, hint="use a function that the flow's file defines by `def`")
    elif module == name:
        defined = vars(sys.modules[flow.__module__])
        if not callable(defined.get(name)):
            functions = [each for each, value in defined.items() if callable(value) and not each.startswith("_")]
            hint = (
                nearest(name, functions) or "define it there, or write the dotted path of a module: 'module.function'"
            )
            message = f"@exit_hook: {argument} names {name}, which the flow's file does not define"
            yield Problem("bad-hook", message, *location, hint=hint)
    elif module not in sys.modules and importlib.util.find_spec(module) is None:
        message = f"@exit_hook: {argument} names {name!r}, and there is no module {module!r}"
        yield Problem("bad-hook", message, *location, hint="write it as an import statement of the flow would")


def _check_options(options: Any, location: Location) -> Iterator[Problem]:
    if not isinstance(options, dict):
        yield Problem("bad-hook", "@exit_hook: options is not a map", *location, hint="write options={'image': ...}")
        return
    for name, value in options.items():
        if name not in _OPTIONS:
            message = f"@exit_hook: options has {name!r}, and Metaflow takes only 'image'"
            yield Problem("bad-hook", message, *location, hint=nearest(str(name), _OPTIONS) or "remove it")
        elif value is not None and not isinstance(value, str):
            message = f"@exit_hook: the image of options is {value!r:.100}, which is not a name of an image"
            yield Problem("bad-hook", message, *location)
