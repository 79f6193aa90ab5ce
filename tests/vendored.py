"""Fetches the scripts of others that our pages contain anew, by npm: ``python -m tests.vendored``.

`assets/vendored.json` says which release. To take another one, change its version there, run this, and write the
digest that it prints; the licence is copied with it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).parents[1] / "deployer" / "views" / "html" / "assets"


def vendored() -> dict[str, dict[str, Any]]:
    """What is known of each file, by its name."""
    found: dict[str, dict[str, Any]] = json.loads((ASSETS / "vendored.json").read_text(encoding="utf-8"))
    return found


def digest(content: bytes) -> str:
    """As `vendored.json` has it."""
    return hashlib.sha256(content).hexdigest()


def _fetch(name: str, about: dict[str, Any]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        package = f"{about['package']}@{about['version']}"
        subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, timeout=300)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            content = _read(archive, f"package/{about['from']}")
            licence = _read(archive, "package/LICENSE")
    (ASSETS / name).write_bytes(content)
    (ASSETS / f"{name.partition('.')[0]}.LICENSE.txt").write_bytes(licence)
    found = digest(content)
    same = found == str(about["sha256"])
    print(f"{name}: {package}, {found}{'' if same else ', which is another than in vendored.json'}")
    return same


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    assert member is not None, name
    return member.read()


if __name__ == "__main__":
    same = [_fetch(*each) for each in vendored().items()]
    sys.exit(0 if all(same) else 1)
