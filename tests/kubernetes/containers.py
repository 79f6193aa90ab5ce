"""A container as a local process: its variables, and a file system that differs from the machine's in its volumes.

The devices are those that every container has, and the file of the termination message is among them.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kubernetes.expressions import expanded, field

# Run in namespaces of its own as `sh -c SETUP sh ROOT [FROM TO]... -- COMMAND...`: a root folder with all that the
# machine's has, a /proc of its own, and the volumes mounted. Nothing is made on the machine itself.
SETUP = """
root=$1; shift
mount -t tmpfs none "$root" || exit 125
for item in /*; do
  case $item in
    /proc) mkdir "$root/proc" && mount -t proc none "$root/proc" || exit 125 ;;
    /dev) mkdir "$root/dev" || exit 125
      for name in null zero full random urandom tty; do
        touch "$root/dev/$name" && mount --bind "/dev/$name" "$root/dev/$name" || exit 125
      done
      ln -s /proc/self/fd "$root/dev/fd" && ln -s fd/0 "$root/dev/stdin" && ln -s fd/1 "$root/dev/stdout" \
        && ln -s fd/2 "$root/dev/stderr" && mkdir -m 1777 "$root/dev/shm" || exit 125 ;;
    *) if [ -L "$item" ]; then cp -P "$item" "$root$item"
       elif [ -d "$item" ]; then mkdir "$root$item" && mount --rbind "$item" "$root$item"
       fi || exit 125 ;;
  esac
done
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$(dirname "$root$2")" && touch "$root$2"; fi || exit 125
  mount --bind "$1" "$root$2" || exit 125
  shift 2
done
shift
exec chroot "$root" sh -c 'cd /pod && exec "$@"' sh "$@"
"""
NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
# Where a container that says nothing else leaves its termination message, and as much of it as the kubelet reads.
TERMINATION_LOG = "/dev/termination-log"
LONGEST_MESSAGE = 4096
# What it reads of the log instead, for a policy that says so.
LOG_LINES, LONGEST_LOG = 80, 2048


@dataclass(frozen=True)
class Container:
    """What is started: a command, its variables, and the empty folder that it starts in.

    `isolated` where the command begins with `unshare`, whose first child is process 1 of the container.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    isolated: bool


def prepared(pod: Mapping[str, Any], folder: Path, image: Mapping[str, str], secrets: Mapping[str, Any]) -> Container:
    """The pod's base container in `folder`, with the variables that its `image` brings. Raises LookupError."""
    spec = next(one for one in pod["spec"]["containers"] if one["name"] == "base")
    work = folder / "work"
    home = folder / "home"
    for made in (work, home, folder / "root"):
        made.mkdir(parents=True)
    volumes = _volumes(pod, spec, folder)
    variables = _variables(pod, spec, secrets)
    argv = [expanded(text, variables) for text in (*spec.get("command", ()), *spec.get("args", ()))]
    environment = {"HOME": str(home), **image, **variables}
    message = folder / "termination-log"
    message.touch()
    message.chmod(0o666)
    volumes[spec.get("terminationMessagePath", TERMINATION_LOG)] = message
    prefix = _isolation()
    if prefix is None:
        return Container(argv, moved_to(environment, volumes), work, isolated=False)
    # Each package is unpacked at the same place, as in an image: then only the first has to be compiled.
    compiled = folder.parent / "compiled"
    compiled.mkdir(exist_ok=True)
    volumes = {"/pod": work, "/pycache": compiled, **volumes}
    environment["PYTHONPYCACHEPREFIX"] = "/pycache"
    mounts = [text for path, source in volumes.items() for text in (str(source), path)]
    setup = ["sh", "-c", SETUP, "sh", str(folder / "root"), *mounts, "--"]
    return Container([*prefix, *setup, *argv], environment, work, isolated=True)


def termination_message(pod: Mapping[str, Any], folder: Path, exit_code: int, log: Sequence[bytes]) -> str:
    """What an ended base container said of its end: its file's last bytes, or its log's where it failed without any."""
    spec = next(one for one in pod["spec"]["containers"] if one["name"] == "base")
    message = (folder / "termination-log").read_bytes()[-LONGEST_MESSAGE:]
    if not message and exit_code and spec.get("terminationMessagePolicy") == "FallbackToLogsOnError":
        message = b"".join(log[-LOG_LINES:])[-LONGEST_LOG:]
    return message.decode(errors="replace")


@functools.cache
def _isolation() -> tuple[str, ...] | None:
    """The command that gives a process namespaces of its own, or None where the machine allows none.

    Then volumes are found through the variables that name their paths, and not by the paths themselves.
    """
    if not shutil.which("unshare"):
        return None
    for prefix in (NAMESPACES, (*NAMESPACES, "-Ur")):
        check = [*prefix, "sh", "-c", "mount -t tmpfs none /mnt && mount -t proc none /proc"]
        if subprocess.run(check, capture_output=True, check=False).returncode == 0:
            return prefix
    return None


def moved_to(environment: Mapping[str, str], volumes: Mapping[str, Path]) -> dict[str, str]:
    """Variables whose value is a path in a volume, with the folder that stands for it."""
    moved = dict(environment)
    for name, value in environment.items():
        for path, source in volumes.items():
            if value == path or value.startswith(f"{path}/"):
                moved[name] = f"{source}{value[len(path) :]}"
    return moved


def _volumes(pod: Mapping[str, Any], container: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """Folders by the path that they are mounted at. A claim is an empty folder as well."""
    known = {volume["name"] for volume in pod["spec"].get("volumes", ())}
    found = {}
    for mount in container.get("volumeMounts", ()):
        if mount["name"] not in known:
            raise LookupError(f"no volume {mount['name']!r}")
        source = folder / "volumes" / mount["name"]
        source.mkdir(parents=True, exist_ok=True)
        source.chmod(0o777)
        found[mount["mountPath"]] = source
    return found


def _variables(pod: Mapping[str, Any], container: Mapping[str, Any], secrets: Mapping[str, Any]) -> dict[str, str]:
    variables: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        variables.update(secrets[source["secretRef"]["name"]])
    for item in container.get("env", ()):
        if "valueFrom" not in item:
            variables[item["name"]] = expanded(item.get("value") or "", variables)
        elif "fieldRef" in item["valueFrom"]:
            variables[item["name"]] = str(field(pod, item["valueFrom"]["fieldRef"]["fieldPath"]) or "")
        else:
            reference = item["valueFrom"]["secretKeyRef"]
            variables[item["name"]] = secrets[reference["name"]][reference["key"]]
    return variables


def first_child(process: int) -> int | None:
    """The process that `unshare` started: process 1 of the container."""
    path = Path(f"/proc/{process}/task/{process}/children")
    children = path.read_text().split() if path.exists() else []
    return int(children[0]) if children else None


def image_of(python: Path) -> dict[str, str]:
    """The variables of an image with that Python: its search path, and a locale."""
    return {"PATH": f"{python.parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
