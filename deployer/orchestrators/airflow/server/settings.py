"""The environment of a private Airflow's processes: all of it is said here, and the shell adds what is listed.

Airflow's settings in the shell are those of another Airflow, and are left out; its connections and variables, and the
access to stores and clusters that tasks have, are passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deployer.orchestrators.airflow.server.folders import environments_folder
from deployer.orchestrators.airflow.server.versions import is_2

_KEPT: Final = frozenset(
    (
        *("HOME", "LANG", "LC_ALL", "LOGNAME", "SHELL", "TMPDIR", "TZ", "USER"),
        *("KUBECONFIG", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    )
)
_KEPT_PREFIXES: Final = ("AIRFLOW_CONN_", "AIRFLOW_VAR_", "AWS_", "AZURE_", "CLOUDSDK_", "GOOGLE_")
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

# Airflow 2: everybody may do everything, without a login, as Airflow 3 has it by a setting.
WEBSERVER_CONFIG: Final = "AUTH_ROLE_PUBLIC = 'Admin'\nWTF_CSRF_ENABLED = True\n"

# Seconds, where a number is one. A saved flow is to be there at once, and nothing else is to be done meanwhile.
_PROMPT: Final[Mapping[str, str]] = {
    "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "CORE__PARALLELISM": "8",
    "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
    "CORE__MIN_SERIALIZED_DAG_FETCH_INTERVAL": "0",
    # Looks for new and removed files. A changed file is read in the same second, whatever the third says.
    "DAG_PROCESSOR__REFRESH_INTERVAL": "1",
    "DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
    "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
    "DAG_PROCESSOR__PRINT_STATS_INTERVAL": "0",
    "SCHEDULER__DAG_DIR_LIST_INTERVAL": "1",
    "SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "600",
    "SCHEDULER__PRINT_STATS_INTERVAL": "0",
    "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
    # The first request of all makes the API server load the rest of itself.
    "WORKERS__EXECUTION_API_TIMEOUT": "300",
}


def base_variables(version: str, python: Path, home: Path, dags: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """What every process of an Airflow has whose AIRFLOW_HOME is `home`."""
    return {
        **_of_shell(environ),
        "PATH": f"{python.parent}:{environ.get('PATH', '')}".rstrip(":"),
        # One compiled copy of each module for all that is installed there.
        "PYTHONPYCACHEPREFIX": str(environments_folder(environ) / "pycache"),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor" if is_2(version) else "LocalExecutor",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def server_variables(base: Mapping[str, str], port: int, secret: str, *, schedules: bool) -> dict[str, str]:
    """What the processes of a running Airflow have besides. `secret` is what they sign their requests with.

    Without `schedules` no schedule starts a run; whoever starts one by hand gets it.
    """
    url = f"http://127.0.0.1:{port}"
    own = {
        **_PROMPT,
        "SCHEDULER__USE_JOB_SCHEDULE": str(schedules),
        "API_AUTH__JWT_SECRET": secret,
        "API__SECRET_KEY": secret,
        "API__BASE_URL": url,
        "API__AUTH_BACKENDS": "airflow.api.auth.backend.default",  # Airflow 2
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "WEBSERVER__SECRET_KEY": secret,
        "WEBSERVER__BASE_URL": url,
    }
    names = (name for name in ("no_proxy", "NO_PROXY") if base.get(name))
    unproxied = ",".join([*(base[name] for name in names), "127.0.0.1", "localhost"])
    return {
        **base,
        **{f"AIRFLOW__{name}": value for name, value in own.items()},
        "no_proxy": unproxied,
        "NO_PROXY": unproxied,
    }


def _of_shell(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environ.items()
        if name in _KEPT or name.startswith(_KEPT_PREFIXES) or name.lower() in _PROXIES
    }
