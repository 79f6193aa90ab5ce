"""Loads a flow's file as ``python flow.py`` does, up to the point where its main block would start the flow."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from metaflow import FlowSpec
from metaflow.exception import MetaflowException

from ..protocol import Problem
from .metaflow_compat import constructor_replaced, new_main_module, steps_of, unwrap_flow
from .problems import FlowError, describe_error, location_of, nearest, one_line, refusal_text
from .source import Source, parsed


def load_flow(file: Path, class_name: str | None) -> Any:
    """The flow class of a file. Raises FlowError."""
    try:
        module = _run_module(file)
    except SystemExit as stop:
        where, line = location_of(stop, file.parent)
        code = f" ({one_line(str(stop.code))})" if stop.code not in (None, 0) else ""
        message = f"the file exits while it is imported: sys.exit{code}"
        raise FlowError(_at(file, "import-failed", message, where, line)) from None
    except ModuleNotFoundError as error:
        where, line = location_of(error, file.parent)
        hint = "install it where mfdeploy runs, or name an interpreter that has it with `python:`"
        raise FlowError(_at(file, "missing-module", describe_error(error), where, line, hint)) from None
    except MetaflowException as error:
        where, line = location_of(error, file.parent)
        raise FlowError(
            _at(file, "flow-refused", refusal_text(error), error.source_file or where, error.line_no or line)
        ) from None
    except BaseException as error:
        where, line = location_of(error, file.parent)
        raise FlowError(_at(file, "import-failed", describe_error(error), where, line)) from None
    return _choose(file, _flow_classes(module), vars(module), class_name)


def _at(file: Path, code: str, message: str, where: str, line: int, hint: str = "") -> Problem:
    return Problem(code, message, file=where or str(file), line=line or 1, hint=hint)


def _run_module(file: Path) -> types.ModuleType:
    """Runs the file as the main module, without its ``if __name__ == "__main__"`` block.

    The module is called as it is when a task runs, since Metaflow and pickle record the name. A flow that is started
    outside of such a block is not run either.
    """
    tree = parsed(str(file))
    body = [node for statement in tree.body for node in (_orelse(statement) if is_main(statement) else [statement])]
    module = new_main_module(str(file))
    # This file's own `from __future__ import annotations` is none of the flow's.
    code = compile(ast.Module(body, tree.type_ignores), str(file), "exec", dont_inherit=True)
    with constructor_replaced(_construct_only):
        exec(code, module.__dict__)  # noqa: S102
    return module


def _construct_only(construct: Callable[..., None], flow: Any, use_cli: bool) -> None:
    construct(flow, use_cli=False)


def is_main(statement: ast.stmt) -> bool:
    """Whether a statement is ``if __name__ == "__main__"``."""
    if not (isinstance(statement, ast.If) and isinstance(statement.test, ast.Compare)):
        return False
    sides = [statement.test.left, *statement.test.comparators]
    names = [side.id for side in sides if isinstance(side, ast.Name)]
    values = [side.value for side in sides if isinstance(side, ast.Constant)]
    return isinstance(statement.test.ops[0], ast.Eq) and names == ["__name__"] and values == ["__main__"]


def _orelse(statement: ast.stmt) -> list[ast.stmt]:
    return statement.orelse if isinstance(statement, ast.If) else []


def _flow_classes(module: types.ModuleType) -> dict[str, Any]:
    """The flows that a module defines, in the order of their lines. A class without steps is a base for others."""
    found = {name: _flow_class(value) for name, value in vars(module).items()}
    return {
        name: flow
        for name, flow in found.items()
        if flow is not None and flow.__module__ == module.__name__ and flow.__name__ == name
    }


def _flow_class(value: Any) -> Any:
    """The flow class that a value of a module is, if any; a mutator that is applied without parentheses wraps it."""
    value = unwrap_flow(value)
    return value if isinstance(value, type) and issubclass(value, FlowSpec) and value is not FlowSpec else None


def _choose(file: Path, flows: dict[str, Any], names: dict[str, Any], class_name: str | None) -> Any:
    if class_name is not None:
        chosen = _flow_class(names.get(class_name))
        if chosen is not None:
            _check_name(file, chosen, names, class_name)
            return chosen
        message = f"{file.name} has no flow {class_name!r}"
        hint = nearest(class_name, flows) or (f"its flows are {', '.join(flows)}" if flows else "")
        raise FlowError(Problem("unknown-class", message, setting="class", hint=hint))
    candidates = {name: flow for name, flow in flows.items() if steps_of(flow)} or flows
    if not candidates:
        hint = next(_hints(names), "a flow is a class that derives from metaflow.FlowSpec")
        raise FlowError(Problem("no-flow", "the file defines no FlowSpec", file=str(file), line=1, hint=hint))
    if len(candidates) > 1:
        lines = {name: _line(flow) for name, flow in candidates.items()}
        found = ", ".join(f"{name} (line {line})" for name, line in lines.items())
        message = f"the file defines {len(candidates)} flows: {found}"
        raise FlowError(
            Problem("several-flows", message, str(file), min(lines.values()), "name one with `class:` in the manifest")
        )
    return next(iter(candidates.values()))


def _hints(names: dict[str, Any]) -> Iterator[str]:
    """How to deploy each flow that a file has and does not define: an imported one, or one with another name."""
    for name, value in names.items():
        flow = _flow_class(value)
        if flow is not None and steps_of(flow) and flow.__name__ == name:
            yield f"it imports {name}: write `class: {name}` into the manifest"
        elif flow is not None and steps_of(flow):
            yield f"its {name} is a class of the name {flow.__name__}: write {flow.__name__} = {name} into the file"


def _check_name(file: Path, flow: Any, names: dict[str, Any], class_name: str) -> None:
    """Raises FlowError for a class that a task does not find: it looks for the flow's name in the file."""
    name = flow.__name__
    if _flow_class(names.get(name)) is not flow:
        message = f"{class_name} is a class of the name {name}, by which tasks do not find it in {file.name}"
        hint = f"write {name} = {class_name} into the file, or give the class the name {class_name}"
        raise FlowError(Problem("unknown-class", message, setting="class", hint=hint))


def _line(flow: type) -> int:
    return Source(flow).flow()[1]
