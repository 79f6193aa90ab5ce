"""Installs an Airflow into an environment of its own, once, with uv. Others who want the same wait meanwhile."""

from __future__ import annotations

import fcntl
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from deployer.manifest.keys import Compute
from deployer.models.live import LiveError
from deployer.orchestrators.airflow.server.folders import environments_folder
from deployer.orchestrators.airflow.server.settings import base_variables
from deployer.orchestrators.airflow.server.versions import day_of_packages, python_for, requirements
from deployer.vcs.process import Limits, OutputLimitError, ProcessTimeoutError, run

# A slow network may need many minutes for some 150 packages; a migration takes half a minute on a busy machine.
_TO_INSTALL = Limits(seconds=3600, output=1_000_000, errors=100_000)
_TO_MIGRATE = Limits(seconds=600, output=10_000_000, errors=1_000_000)
_TO_ASK = Limits(seconds=30, output=10_000, errors=10_000)
_SHOWN = 600
_RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
# What uv finds its index, its proxy, its cache and its Pythons with.
_FOR_UV = ("HOME", "PATH", "TMPDIR", "LANG", "LC_ALL", "USER", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC")
_PREFIXES_FOR_UV = ("UV_", "XDG_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@dataclass(frozen=True)
class InstalledAirflow:
    """An installed Airflow: its version and its interpreter."""

    version: str
    python: Path

    @property
    def empty_database(self) -> Path:
        """An SQLite file with Airflow's tables, and nothing in them."""
        return self.python.parents[1] / "empty.db"


def install(
    version: str, compute: Compute, environ: Mapping[str, str], notify: Callable[[str], None]
) -> InstalledAirflow:
    """The Airflow of that version, with an empty database; `notify` is told if that takes time. Raises LiveError."""
    minor = python_for(version, _RUNNING)
    folder = environments_folder(environ) / f"{version}-{minor}"
    wanted = requirements(version, compute)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_name(f"{folder.name}.lock")):
        if not set(wanted) <= set(_installed(folder)):
            notify(f"Installing Airflow {version} into {folder}, once; this takes a minute or more.")
            _install(folder, version, minor, wanted, environ)
    found = InstalledAirflow(version, folder / "bin" / "python")
    _migrate(found, environ)
    return found


def find_uv(environ: Mapping[str, str]) -> list[str]:
    """The command that runs uv: that of the search path, or the one beside mfdeploy. Raises LiveError."""
    on_path = shutil.which("uv", path=environ.get("PATH"))
    for candidate in filter(None, (on_path, str(Path(sys.executable).with_name("uv")))):
        # What is on the path may be a shim for something that is not there.
        with suppress(OSError, ProcessTimeoutError, OutputLimitError):
            if run([candidate, "--version"], b"", _variables_of_uv(environ), _TO_ASK)[0] == 0:
                return [candidate]
    raise LiveError("uv is not installed, which installs Airflow", "pip install uv")


def _install(folder: Path, version: str, minor: str, wanted: Sequence[str], environ: Mapping[str, str]) -> None:
    uv, variables = find_uv(environ), _variables_of_uv(environ)
    stamp = folder / "installed"
    if not stamp.exists():
        shutil.rmtree(folder, ignore_errors=True)
        python = sys.executable if minor == _RUNNING else minor
        _run([*uv, "venv", "--quiet", "--no-project", "--python", python, str(folder)], variables, _TO_INSTALL)
    # What runs from there is added to, and never made anew.
    everything = tuple(dict.fromkeys((*_installed(folder), *wanted)))
    day = day_of_packages(version)
    dated = ["--exclude-newer", day] if day else []
    python = str(folder / "bin" / "python")
    _run([*uv, "pip", "install", "--quiet", "--python", python, *dated, *everything], variables, _TO_INSTALL)
    stamp.write_text("\n".join(everything) + "\n", encoding="utf-8")


def _installed(folder: Path) -> tuple[str, ...]:
    """What was asked for when the environment was made; nothing if it is not whole."""
    try:
        return tuple((folder / "installed").read_text(encoding="utf-8").split())
    except FileNotFoundError:
        return ()


def _migrate(airflow: InstalledAirflow, environ: Mapping[str, str]) -> None:
    """Makes the empty database: that takes seconds, and a copy of it nothing."""
    database = airflow.empty_database
    with _locked(database.with_suffix(".lock")):
        if database.exists():
            return
        home = database.with_name("migration")
        shutil.rmtree(home, ignore_errors=True)
        (home / "dags").mkdir(parents=True)
        variables = base_variables(airflow.version, airflow.python, home, home / "dags", environ)
        _run([str(airflow.python), "-m", "airflow", "db", "migrate"], variables, _TO_MIGRATE)
        (home / "airflow.db").rename(database)


def _variables_of_uv(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environ.items()
        if name in _FOR_UV or name.startswith(_PREFIXES_FOR_UV) or name.lower() in _PROXIES
    }


def _run(command: Sequence[str], variables: Mapping[str, str], limits: Limits) -> None:
    what = " ".join(Path(command[0]).name if number == 0 else word for number, word in enumerate(command[:3]))
    try:
        code, output, errors = run(command, b"", variables, limits)
    except (OSError, ProcessTimeoutError, OutputLimitError) as error:
        raise LiveError(f"`{what}` did not end well: {str(error) or type(error).__name__}") from error
    if code:
        said = (errors or output).decode(errors="replace").strip()[-_SHOWN:]
        raise LiveError(
            f"`{what}` failed with exit code {code}: {said}", "is the network, or the package index, there?"
        )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
