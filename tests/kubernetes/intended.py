"""Where our pods are meant to differ from Argo's, and why: one line for each difference."""

# ruff: noqa: E501 - it is a table

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """Fields that are not the same, by a pattern of their paths, and the reason.

    With `argo` or `ours` the field is in that pod alone.
    """

    pattern: str
    reason: str
    only: str = ""


# fmt: off
INTENDED = (
    Difference(r"metadata\.name", "Argo names a pod when it starts it", "ours"),
    Difference(r"metadata\.labels\.app", "as Metaflow's own DAGs for Airflow have it, unless a user says otherwise", "ours"),
    Difference(r"metadata\.labels\.(dag_id|task_id|kubernetes_pod_operator)", "the operator finds its pods by them", "ours"),
    Difference(r"metadata\.annotations\.metaflow/user", "runs belong to the owner of the DAG, as METAFLOW_USER says"),
    Difference(r"metadata\.annotations\.metaflow/(run_id|attempt)", "the operator adds them as a task starts", "argo"),
    Difference(r"metadata\.annotations\.metaflow/production_token", "in the variable alone: known when a package is built", "argo"),
    Difference(r"metadata\.annotations\.metaflow/deployment_timestamp", "equal input makes equal bytes; the record has it", "argo"),
    Difference(r"metadata\.annotations\.metaflow/parameters", "for `argo-workflows trigger`", "argo"),
    Difference(r"metadata\.annotations\.workflows\.argoproj\.io/.*", "for the pages of Argo", "argo"),
    Difference(r"spec\.restartPolicy", "Argo's controller sets the same", "ours"),
    Difference(r"spec\.tolerations\.\d+\.toleration(_s|S)econds", "Kubernetes knows the second spelling only, and drops the first"),
    Difference(r"container\.resources\.limits\.(amd|AMD)\.com/gpu", "the vendor's plugin knows small letters only"),
    Difference(r"spec\.volumes\.out\..*|container\.volumeMounts\./mnt/out\..*", "what follows is told by the termination message", "argo"),
    Difference(r"spec\.volumes\.dhsm\..*", "Argo's pods have the volume without a mount, where no shared memory is asked for", "argo"),
    Difference(r"container\.name", "the operator reads the logs of a container by that name"),
    Difference(r"container\.(command|args)\..*", "one script, the same for each step, starts our runtime"),
    Difference(r"container\.env\.METAFLOW_CODE_(URL|SHA|DS|METADATA)\.value", "of a built package, which a check has not", "argo"),
    Difference(r"container\.env\.METAFLOW_PRODUCTION_TOKEN\.value", "made when the package is built", "argo"),
    Difference(r"container\.env\.METAFLOW_(RUN_ID|RETRY_COUNT|STEP_NAME)\.value", "set for each task, with its task id", "argo"),
    Difference(r"container\.env\.METAFLOW_(KUBERNETES_.*|DEFAULT_RUNTIME_LIMIT|SERVICE_INTERNAL_URL)\.value", "each setting of the manifest is one of the task", "ours"),
    Difference(r"container\.env\.METAFLOW_(KUBERNETES_FETCH_EC2_METADATA|DEBUG_S3CLIENT)\.value", "Argo says defaults as well, and true as True: Metaflow reads both"),
    Difference(r"container\.env\.METAFLOW_USER\.value", "the owner of the DAG: Argo's name would be of no use here"),
    Difference(r"container\.env\.METAFLOW_(RUNTIME_NAME|VERSION)\.value", "says that Airflow runs it; nothing of who applied"),
    Difference(r"container\.env\.METAFLOW_SERVICE_HEADERS\.value", "a credential: it comes from a secret of the cluster", "argo"),
    Difference(r"container\.env\.METAFLOW_(CARD|DATATOOLS)_S3ROOT\.value", "a task makes the same of the datastore", "argo"),
    Difference(r"container\.env\.(ARGO_|METAFLOW_ARGO_).*", "for Argo's events and workflows", "argo"),
    Difference(r"container\.env\.(METAFLOW_TAGS|METAFLOW_TASK_OPTIONS|MFDEPLOY_.*)\.value", "the arguments of Argo's command line", "ours"),
)
# fmt: on
