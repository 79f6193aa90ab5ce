"""A stand-in for micromamba and the pip in its environments: answers what Metaflow asks of them, without a network.

A package is a file that holds its own name. An environment's interpreter is the one that this file is started with,
and it knows its packages: STANDIN_PACKAGES and STANDIN_PREFIX are in the environment of whatever it runs.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

ROOT = Path(os.environ["STANDIN_ROOT"])
CHANNEL = "https://conda.example/conda-forge/linux-64"
INDEX = "https://pypi.example/packages"


def main(arguments: list[str]) -> None:
    with (ROOT / "calls.log").open("a") as log:
        log.write(json.dumps(arguments) + "\n")
    command = arguments[0]
    if command == "config":
        folders = {"envs_dirs": [str(ROOT / "envs")], "pkgs_dirs": [str(ROOT / "pkgs")]}
        answer({"channels": ["conda-forge"], "platform": "linux-64", **folders})
    elif command == "env":
        answer({"envs": [str(path.parent.parent) for path in (ROOT / "envs").glob("*/*/*/bin/python")]})
    elif command == "list":
        answer([{"name": "python", "version": "3.11.7"}])
    elif command == "create":
        create(arguments[1:])
    elif command == "run":
        run(Path(arguments[2]), arguments[3:])
    else:
        sys.exit(f"unknown: {arguments}")


def answer(value: object) -> None:
    print(json.dumps(value))


def create(arguments: list[str]) -> None:
    # `--prefix P` and `--file F` have their value behind them, all others none or after an equals sign.
    values = {name: arguments[arguments.index(name) + 1] for name in ("--prefix", "--file") if name in arguments}
    packages = [item for item in arguments if not item.startswith("-") and item not in values.values()]
    if "--dry-run" in arguments:
        names = [item.replace("==", "-") for item in packages]
        answer({"actions": {"LINK": [{"url": f"{CHANNEL}/{name}-0.conda", "name": name} for name in names]}})
    elif "--download-only" in arguments:
        (ROOT / "pkgs").mkdir(parents=True, exist_ok=True)
        for url in packages:
            (ROOT / "pkgs" / Path(url).name).write_text(Path(url).name)
    elif "--file" in values:
        files = [Path(line) for line in Path(values["--file"]).read_text().split() if line != "@EXPLICIT"]
        make(Path(values["--prefix"]), [file.read_text() for file in files])
    else:
        make(Path(values["--prefix"]), [Path(url).name for url in packages])


def make(prefix: Path, packages: list[str]) -> None:
    (prefix / "bin").mkdir(parents=True)
    (prefix / "packages").write_text("".join(f"{name}\n" for name in sorted(packages)))
    python = prefix / "bin" / "python"
    lines = (
        "#!/bin/sh",
        f'export STANDIN_PREFIX="{prefix}" STANDIN_PACKAGES="$(cat "{prefix}/packages")"',
        f'exec "{sys.executable}" "$@"',
    )
    python.write_text("\n".join(lines) + "\n")
    python.chmod(0o755)


def run(prefix: Path, command: list[str]) -> None:
    """pip, which is asked for as `pip3` by who deploys and as `python -m pip` by a task."""
    option = {item.partition("=")[0]: item.partition("=")[2] for item in command if "=" in item}
    if "--dry-run" in command:
        names = [item for item in command if "==" in item]
        urls = [f"{INDEX}/{name.replace('-', '_').replace('==', '-')}-py3-none-any.whl" for name in names]
        report = {"install": [{"download_info": {"url": url}} for url in urls]}
        Path(option["--report"]).write_text(json.dumps(report))
    elif "download" in command:
        for url in (item for item in command if item.startswith(INDEX)):
            wheel = Path(option["--dest"], Path(url).name)
            wheel.parent.mkdir(parents=True, exist_ok=True)
            wheel.write_text(wheel.name)
    elif "install" in command:
        with (prefix / "packages").open("a") as packages:
            packages.writelines(f"{Path(item).read_text()}\n" for item in command if item.endswith(".whl"))
    elif "config" not in command:
        sys.exit(f"unknown: {command}")


if __name__ == "__main__":
    main(sys.argv[1:])
