"""Makes the page that the comment links, from the plan that it shows: `mfdeploy plan --from`, as the comment does.

Without a page the comment is written all the same: it says what is wrong with a plan that cannot be shown.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # `python -I` leaves the folder of the script out

from comment import name_of_plan, other_plan, show
from github import annotate, set_output


def main(environ: Mapping[str, str]) -> None:
    name = name_of_plan(environ)
    plan = Path(environ["FOLDER"], f"{name}.json")
    if not plan.is_file() or plan.with_suffix(".error.txt").is_file():
        return
    done = show(plan, "html", environ)
    if done.returncode:
        annotate("notice", "there is no page of the plan: this mfdeploy cannot make one")
        return
    if other_plan(json.loads(plan.read_text(encoding="utf-8")), environ["ENVIRONMENT"]):
        return
    page = Path(environ["RUNNER_TEMP"], "mfdeploy-page", f"{name}.html")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(done.stdout, encoding="utf-8")
    set_output(environ, "path", str(page))
    set_output(environ, "name", f"{environ['PAGE']}-{name}")


if __name__ == "__main__":
    main(os.environ)
