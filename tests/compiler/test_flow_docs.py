"""The docstrings of flows, read without running them."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.compiler.flow_docs import FlowDocs, read_flow_docs

SOURCE = '''\
from metaflow import FlowSpec, step


class Base(FlowSpec):
    """Of others."""

    @step
    def start(self):
        """Starts."""

    @step
    def end(self):
        """Ends, for all."""


class Train(Base):
    """Trains.

        More about it.
    """

    @step
    def end(self):
        pass
'''


def test_the_docs_of_a_class_and_of_its_steps(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(SOURCE)
    found = read_flow_docs(tmp_path / "a.py", "Train")
    assert found == FlowDocs("Trains.\n\nMore about it.", {"start": "Starts."}, 16)
    assert read_flow_docs(tmp_path / "a.py", "Base").steps == {"start": "Starts.", "end": "Ends, for all."}


@pytest.mark.parametrize("text", ["class Other: pass", "class (", "x = '\\d'\0"])
def test_a_file_without_the_class_has_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.py").write_text(text)
    assert read_flow_docs(tmp_path / "a.py", "Train") == FlowDocs()
    assert read_flow_docs(tmp_path / "gone.py", "Train") == FlowDocs()
