"""Adds what a command printed to the summary of the job: summary.py TITLE FILE."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # `python -I` leaves the folder of the script out

from github import fenced

_MOST = 200_000  # GitHub takes 1 MiB for a step

title, file = sys.argv[1:]
with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as summary:
    summary.write(f"### {title}\n\n{fenced(Path(file).read_text(encoding='utf-8', errors='replace'), _MOST)}\n")
