"""`package:` chooses the same files with each supported Metaflow, and the tasks run with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.manifest.keys import PackageSettings
from deployer.models.deployment import ResolvedPath
from tests.compiler.by_hand import Operator
from tests.compiler.compiling import deployment, local
from tests.compiling import build_packages, compile_flows
from tests.sources import two_steps
from tests.versions.metaflows import VERSIONS, interpreter

pytestmark = pytest.mark.versions

FILES = {
    "lib/__init__.py": "",
    "lib/numbers.py": "def double(number):\n    return 2 * number\n",
    "lib/unused.py": "",
    "other.py": "",
    "a.sql": "select 1",
}


@pytest.mark.parametrize("version", VERSIONS)
def test_only_what_the_flow_imports(version: str, tmp_path: Path) -> None:
    start = "def start(self):\n        from lib.numbers import double\n        print(double(21), open('a.sql').read())"
    for name, text in {**FILES, "flow.py": two_steps("OneFlow").replace("def start(self):", start)}.items():
        (tmp_path / "flows" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "flows" / name).write_text(text)
    flow = deployment(
        tmp_path / "flows" / "flow.py",
        environment=local(tmp_path / "store"),
        package=PackageSettings(only="imports", include=("*.sql",)),
        python=ResolvedPath("../python", interpreter(version)),
    )
    compiled = compile_flows([flow])
    assert compiled.diagnostics == ()
    code = compiled.flows[flow.address].code
    assert set(code.files) == {"flow.py", "lib/__init__.py", "lib/numbers.py", "a.sql"} == set(code.own or ())
    [package] = build_packages([flow], upload=True, user="ann").values()
    operator = Operator(compiled.flows[flow.address], package, tmp_path / "work")
    done = operator.task("start", variables={"MFDEPLOY_PYTHON": interpreter(version)})
    assert done.returncode == 0 and "42 select 1" in done.stdout + done.stderr, done.stderr
    whole = compile_flows([flow.model_copy(update={"package": PackageSettings()})]).flows[flow.address].code
    assert set(whole.own or ()) == {"flow.py", "lib/__init__.py", "lib/numbers.py"}
    assert set(whole.files) == {"flow.py", *(name for name in FILES if name.endswith(".py"))}
