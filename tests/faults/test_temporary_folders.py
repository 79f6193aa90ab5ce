"""A temporary folder and an interrupt at each moment of its life: at the end it is gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import os, signal, sys, tempfile, threading
from pathlib import Path
from deployer.models.temporary import temporary_folder
at, seen = int(sys.argv[1]), 0
def hear(event, arguments):
    global seen
    if event.partition(".")[0] in ("open", "os", "shutil") and event != "os.kill":
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGINT)
# As in a command: with another thread the kernel may give it the signal.
other = threading.Thread(target=threading.Event().wait, args=(0.1,))
other.start()
tempfile.gettempdir()  # Python tries the folder with a file of its own
sys.addaudithook(hear)
try:
    with temporary_folder() as folder:
        for name in "ab":
            Path(folder, name).mkdir()
            Path(folder, name, "file").touch()
except KeyboardInterrupt:
    pass
finally:
    print(seen)
"""


def moments_of(folder: Path, at: int) -> int:
    """How many moments there were, until the interrupt and after it."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(at)],
        env={"TMPDIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, ""), at
    assert list(folder.iterdir()) == [], at
    return int(done.stdout)


def test_at_each_moment(tmp_path: Path) -> None:
    total = moments_of(tmp_path, 0)
    assert total > 10
    for at in range(1, total + 1):
        moments_of(tmp_path, at)


def test_not_by_a_process_that_was_forked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import tempfile

    from deployer.models.temporary import remove_folder, temporary_folder

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with temporary_folder() as folder:
        child = os.fork()
        if not child:
            remove_folder(folder)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert Path(folder).is_dir()
        Path(folder, "full").mkdir()
    assert not Path(folder).exists()
