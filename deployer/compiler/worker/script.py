"""The bash script of a task, made of the pieces of Metaflow's own `Kubernetes._command`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..protocol import Job
from .metaflow_compat import export_mflog_env_vars, export_package_commands, fetch_package_commands

# On a worker nothing of the worker's own Metaflow settings and modules may be found, and `python` is the one given.
_LOCAL_SETUP = (
    'export METAFLOW_HOME="$PWD/.metaflow-home"',
    "unset PYTHONPATH METAFLOW_PROFILE",
)
# How Metaflow installs what its datastore needs.
_INSTALL = " -m pip install "
# Captures and uploads the task's logs itself.
_TASK = "-m mfdeploy_task"
_LOCAL_PYTHON = 'python() { "$MFDEPLOY_PYTHON" "$@"; }'
# Metaflow's commands for the download are of packages that a pod installs. On a worker its interpreter does the same
# with the client that Metaflow needs there anyway. The arguments are --NAME=VALUE, always in this order.
_LOCAL_DOWNLOADS = {
    "gs": """download-gcp-object() { python -c '
import sys, google.auth
from google.cloud.storage import Client
bucket, name, file = (each.partition("=")[2] for each in sys.argv[1:])
credentials, project = google.auth.default(scopes=Client.SCOPE)
Client(project, credentials).bucket(bucket).blob(name).download_to_filename(file)' "$@"; }""",
    "azure": """download-azure-blob() { python -c '
import sys
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient
endpoint, container, name, file = (each.partition("=")[2] for each in sys.argv[1:])
blob = BlobServiceClient(endpoint, DefaultAzureCredential()).get_blob_client(container, name)
with open(file, "wb") as package:
    blob.download_blob().readinto(package)' "$@"; }""",
}


def task_script(job: Job, obj: Any, step: str, fetch: Sequence[str]) -> str:
    """Fetches the code package and runs the task, which saves its logs. The same for every step with the same packages.

    For ``bash -c`` as it is; what differs between tasks comes from the environment (see `mfdeploy_task`). Ends
    with the exit code of the task. `fetch` is what `fetch_commands` gives for the flow.
    """
    flow_file = shlex.quote(Path(job.file).name)
    prepare = ['mkdir -p "$PWD/.logs" || exit 1', _exports(job), *fetch, *_bootstrap(job, obj, step)]
    python = _python(job, obj, step)
    if job.on_kubernetes:
        lines = [
            '${METAFLOW_INIT_SCRIPT:+eval "${METAFLOW_INIT_SCRIPT}"}',
            *prepare,
            f"exec {python} {_TASK} {flow_file}",
        ]
    else:
        functions = [] if job.datastore_type == "local" and job.package_environment == "local" else [_LOCAL_PYTHON]
        functions += [text for kind, text in _LOCAL_DOWNLOADS.items() if kind == job.datastore_type]
        own = _own_modules(obj, step)
        lines = [*_LOCAL_SETUP, *functions, *prepare, *own, f"exec {python} {_TASK} {flow_file}"]
    return "\n".join(lines) + "\n"


def _own_modules(obj: Any, step: str) -> list[str]:
    """The PYTHONPATH that the step's `@environment` sets, after that of the package, as in a pod.

    In the environment it cannot be told from the worker's own, which is not for the step. An exit hook runs the start
    step's script, and none of its variables are for it.
    """
    found = [each.attributes["vars"] or {} for each in obj.graph[step].decorators if each.name == "environment"]
    paths = [str(given["PYTHONPATH"]) for given in found if given.get("PYTHONPATH")]
    add = '[ -n "$MFDEPLOY_HOOK" ] || export PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}"'
    return [f"{add}{shlex.quote(path)}" for path in paths]


def _bootstrap(job: Job, obj: Any, step: str) -> list[str]:
    """The commands that install the step's packages: those of Metaflow's environment, nothing for most steps."""
    commands = obj.environment.bootstrap_commands(step, job.datastore_type)
    # The task uploads what was logged before it.
    kept = [command for command in commands if not command.startswith("flush_mflogs")]
    if job.datastore_type != "local":
        kept = [re.sub(r"^echo (?=')", "mflog ", command) for command in kept]
    return [_line(command) for command in kept]


def _python(job: Job, obj: Any, step: str) -> str:
    """The interpreter that has the step's packages."""
    given = "python" if job.on_kubernetes else '"$MFDEPLOY_PYTHON"'
    found: str = obj.environment.executable(step, given)
    # `exec` knows no functions, and looks along the path for what is no path.
    return found


def _exports(job: Job) -> str:
    exports: str = export_mflog_env_vars(
        flow_name='"$METAFLOW_FLOW_NAME',
        run_id="$METAFLOW_RUN_ID",
        step_name="$METAFLOW_STEP_NAME",
        task_id='$METAFLOW_TASK_ID"',
        retry_count='"$METAFLOW_RETRY_COUNT"',
        datastore_type=job.datastore_type,
        stdout_path='"$PWD/.logs/mflog_stdout"',
        stderr_path='"$PWD/.logs/mflog_stderr"',
    )
    return exports


def fetch_commands(job: Job, obj: Any, url: str, metadata: str) -> list[str]:
    """The commands that fetch and unpack the package; the script ends where one fails."""
    if job.datastore_type == "local":
        commands = _local_fetch(metadata)
    else:
        commands = fetch_package_commands(obj.environment, url, job.datastore_type, metadata)
        # The task uploads what was logged before it, first of all.
        commands = [command for command in commands if not command.startswith("flush_mflogs")]
        if not job.on_kubernetes:
            # The interpreter on a worker has what the flow needs.
            commands = [command for command in commands if _INSTALL not in command]
    return [_line(command) for command in commands]


def _local_fetch(metadata: str) -> list[str]:
    return [
        "mkdir metaflow",
        "cd metaflow",
        'tar -xzf "$METAFLOW_CODE_URL"',
        # Metaflow looks for the place of cards in the working directory, whatever its settings say.
        'ln -s "$METAFLOW_DATASTORE_SYSROOT_LOCAL/.metaflow" .metaflow',
        *export_package_commands(metadata),
    ]


def _line(command: str) -> str:
    text = _unescaped(command)
    cannot_fail = text.startswith(("mflog()", "mflog ", "i=0;", "export "))
    line = text if cannot_fail else f"{text} || exit 1"
    if _INSTALL not in text:
        return line
    # pip takes seconds and the network to find that nothing is to do, and some images have none.
    return f"{_is_installed(text)} || {line}"


def _is_installed(command: str) -> str:
    """Whether all that a command installs is there already, as pip sees it."""
    words = command.partition(_INSTALL)[2].partition(";")[0].split()
    versions = "; ".join(f"version('{word}')" for word in words if not word.startswith("-"))
    known = f"from importlib.metadata import version; {versions}"
    return f'[ -n "$METAFLOW_SKIP_INSTALL_DEPENDENCIES" ] || python -c "{known}" 2>/dev/null'


def _unescaped(command: str) -> str:
    """Metaflow writes its pieces to be put between double quotes and split; here they are the script itself."""
    return shlex.split(f'"{command}"')[0] if '\\"' in command else command
