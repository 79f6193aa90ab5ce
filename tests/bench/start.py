"""How long a command takes that has little to do, against the imports that it cannot do without."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.rows import Row, compared
from tests.bench.timing import by_turns
from tests.bench.workbench import MFDEPLOY, Workbench

_TIMES = 9
_LIMIT = 1.5
# Not `import pydantic`, which by itself imports nothing of it yet.
_MODELS = "import typer, yaml; from pydantic import BaseModel"


def rows(bench: Workbench) -> Iterator[Row]:
    """Help, in a pipe and on a terminal, a schema, and a manifest that is refused."""
    turns = by_turns(
        lambda: bench.seconds(MFDEPLOY, "--help"), lambda: bench.seconds_of_python("import typer, rich"), _TIMES
    )
    yield compared("`mfdeploy --help`, in a pipe", turns, "`import typer, rich`", _LIMIT)
    # What Typer imports of rich to print a page of help with it.
    turns = by_turns(
        lambda: bench.seconds_on_terminal(MFDEPLOY, "--help"),
        lambda: bench.seconds_of_python("import typer.rich_utils"),
        _TIMES,
    )
    yield compared("`mfdeploy --help`, on a terminal", turns, "`import typer.rich_utils`", _LIMIT)
    turns = by_turns(
        lambda: bench.seconds(MFDEPLOY, "schema", "manifest"), lambda: bench.seconds_of_python(_MODELS), _TIMES
    )
    yield compared("`mfdeploy schema manifest`", turns, f"`{_MODELS}`")
    bad = bench.folder / "bad"
    bad.mkdir()
    (bad / "m.yaml").write_text("version: 1\nproject: bench\nflaws: {}\n")
    turns = by_turns(
        lambda: bench.seconds(MFDEPLOY, "validate", "--manifests", bad, codes=(1,)),
        lambda: bench.seconds_of_python(_MODELS),
        _TIMES,
    )
    yield compared("a manifest error", turns, f"`{_MODELS}`", _LIMIT)
