"""The names that Airflow gets from us, and the limits that it sets them: characters, not bytes.

Sources: `validate_key` and `validate_group_key` (airflow/utils/helpers.py, in Airflow 3 also
airflow/sdk/definitions/_internal/node.py), which the constructors of DAG, operators and task groups call, TAG_MAX_LEN
of airflow/models/dag.py, and the columns of the tables `dag` and `slot_pool`.
"""

from __future__ import annotations

import hashlib
import re

from deployer.models.deployment import Deployment
from deployer.models.flow import Flow

# Ids of DAGs and tasks.
MAX_LENGTH = 250
MAX_GROUP_ID = 200
MAX_TAG = 100
# Columns: no constructor checks them, and a database other than SQLite refuses what is longer.
MAX_OWNER = 2000
MAX_DISPLAY_NAME = 2000
_KEY = re.compile(r"[A-Za-z0-9_.\-]+")
# A pool is made by hand, with a name that may hold other letters. Operators of Airflow 2.11 check it like an id.
_POOL = re.compile(r"[\w.\-]+")
_DIGEST = 8  # hex digits


def dag_id(deployment: Deployment, flow: Flow) -> str:
    """The manifest's `dag_id`, else Metaflow's name of a flow with `@project`, else the flow's name and environment.

    In a production environment the DAG has the flow's name alone. Elsewhere a branch is added to it; what Metaflow
    calls a flow with `@project` has it already.
    """
    if deployment.dag_id:
        return deployment.own_branch.in_name(deployment.dag_id)
    if flow.project:
        return flow.project.flow
    if deployment.environment.production:
        return flow.name
    return f"{_of_environment(deployment, flow.name)}{branch_suffix(deployment)}"


def default_dag_id(deployment: Deployment, flow: str) -> str:
    """The DAG id of another flow in the environment of a deployment: one without `@project`, and without a `dag_id`."""
    environment = deployment.environment
    if environment.production:
        return flow
    branch = environment.branch.safe_name
    return f"{_of_environment(deployment, flow)}{f'.{branch}' if branch else ''}"


def followed(deployment: Deployment, name: str) -> str:
    """The DAG id that a flow's code means by `name` in the branch of its environment.

    A DAG of the same branch is named without it in the code: ``<Flow>.<environment>``, or a `dag_id` of the manifests.
    """
    if name in deployment.branch_dag_ids:
        return deployment.branch_dag_ids[name]
    branch = deployment.environment.branch.safe_name
    is_ours = bool(branch) and is_valid(name) and name.endswith(_of_environment(deployment, ""))
    return f"{name}.{branch}" if is_ours else name


def branch_suffix(deployment: Deployment) -> str:
    """What the branch adds to a DAG id; empty without a branch."""
    return f".{deployment.own_branch.safe_name}" if deployment.own_branch.name else ""


def _of_environment(deployment: Deployment, name: str) -> str:
    return f"{name}.{deployment.environment.name}"


def own_tags(deployment: Deployment) -> dict[str, str]:
    """The tags of a DAG beside those of the manifest, by what they name."""
    environment, branch = deployment.environment, deployment.own_branch
    found = {"environment": f"env:{environment.name}", "project": project_tag(environment.project)}
    return {**found, "branch": f"branch:{branch.safe_name}"} if branch.name else found


def project_tag(project: str) -> str:
    """The tag of all DAGs of a project of manifests."""
    return f"project:{project}"


def is_valid(text: str) -> bool:
    """Whether `text` is a valid id of a DAG or a task."""
    return len(text) <= MAX_LENGTH and _KEY.fullmatch(text) is not None


def is_valid_pool(text: str) -> bool:
    """Whether each supported Airflow takes `text` for the name of a pool."""
    return len(text) <= MAX_LENGTH and _POOL.fullmatch(text) is not None


def shortened(text: str, most: int) -> str:
    """`text`, or where it is longer than `most` characters its head with a digest of the whole: the same each time."""
    if len(text) <= most:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
    return f"{text[: most - _DIGEST - 1]}-{digest}"
