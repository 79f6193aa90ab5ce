"""The bytes of a code package: one gzipped tar for whoever unpacks it, of which a part was compressed before."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

from deployer.compiler.worker.archive import MTIME, Content, Shared, write_archive


def archive(entries: Mapping[str, Content], shared: Mapping[str, str]) -> bytes:
    written = io.BytesIO()
    write_archive(entries, Shared(shared), written)
    return written.getvalue()


def content_of(blob: bytes) -> dict[str, bytes]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(blob), mode="r:gz") as tar:
        for member in tar:
            assert (member.uid, member.gid, member.uname, member.mode, member.mtime) == (0, 0, "", 0o644, MTIME)
            stream = tar.extractfile(member)
            assert stream is not None
            found[member.name] = stream.read()
    return found


def test_shared_files_lie_among_the_others(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"shared" * 1000)
    (tmp_path / "d").write_bytes(b"")
    shared = {"lib/b.py": str(tmp_path / "b"), "lib/d.py": str(tmp_path / "d")}
    contents: tuple[dict[str, bytes], ...] = (
        {"a.py": b"first", "z.py": b"last"},
        {"lib/c.py": b"between them", "ünïcode.py": b"\0\xff"},
        {"long/" + "n" * 150: b"x" * 10_000},
        {},
    )
    for own in contents:
        entries: dict[str, bytes | str] = {**own, **shared}
        blob = archive(entries, shared)
        assert content_of(blob) == {**own, "lib/b.py": b"shared" * 1000, "lib/d.py": b""}
        assert list(content_of(blob)) == sorted(entries)
        assert archive(dict(reversed(entries.items())), dict(reversed(shared.items()))) == blob


def test_a_tar_of_the_system_unpacks_it(tmp_path: Path) -> None:
    (tmp_path / "shared").write_bytes(b"s")
    package = tmp_path / "package"
    shared = {"m/shared": str(tmp_path / "shared"), "not/of/this/one": "/nonexistent"}
    package.write_bytes(archive({"a": b"1", "z": b"2", "m/shared": shared["m/shared"]}, shared))
    done = subprocess.run(["tar", "-xzf", package], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert [(tmp_path / name).read_bytes() for name in ("a", "m/shared", "z")] == [b"1", b"s", b"2"]


def test_files_are_read_where_they_are_not_shared(tmp_path: Path) -> None:
    (tmp_path / "own").write_bytes(b"one")
    first = archive({"own.py": str(tmp_path / "own")}, {})
    (tmp_path / "own").write_bytes(b"two")
    assert content_of(first) == {"own.py": b"one"}
    assert content_of(archive({"own.py": str(tmp_path / "own")}, {})) == {"own.py": b"two"}
