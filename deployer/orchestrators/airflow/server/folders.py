"""Where what belongs to private Airflows is kept: their environments, and the state of each.

    airflow/3.3.2-3.12/    the environment of a version, for a Python
    dev/7d1f0c2a91be/      the state for a folder of DAG files: AIRFLOW_HOME, and what says where it runs

All of it is below MFDEPLOY_CACHE, or the user's cache folder, and may be deleted while nothing runs.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

SETTING = "MFDEPLOY_CACHE"


def cache_folder(environ: Mapping[str, str]) -> Path:
    """The folder that MFDEPLOY_CACHE names, else `mfdeploy` in the user's cache folder."""
    if given := environ.get(SETTING, ""):
        return Path(given).absolute()
    xdg = environ.get("XDG_CACHE_HOME", "")
    if xdg and Path(xdg).is_absolute():  # the specification of XDG has any other ignored
        return Path(xdg) / "mfdeploy"
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    return (home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache") / "mfdeploy"


def environments_folder(environ: Mapping[str, str]) -> Path:
    """The folder of all environments with an Airflow."""
    return cache_folder(environ) / "airflow"


def state_folder(dags: Path, environ: Mapping[str, str]) -> Path:
    """The state of the Airflow for a folder of DAG files: no two folders share one."""
    digest = hashlib.sha256(str(dags.resolve()).encode(errors="surrogatepass")).hexdigest()
    return cache_folder(environ) / "dev" / digest[:12]
