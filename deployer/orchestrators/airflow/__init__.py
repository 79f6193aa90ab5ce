"""The only room that knows Airflow's Python: a deployment and its flow become the text of a DAG file."""

from deployer.kubernetes.pod_fields import ENVIRONMENT, setting_of, setting_of_resource
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.names import dag_id
from deployer.orchestrators.airflow.pod_manifest import pod_manifests
from deployer.orchestrators.airflow.render import RENDERER_VERSION, render
from deployer.orchestrators.airflow.schedule import flow_location, schedule_of

__all__ = [
    "ENVIRONMENT",
    "RENDERER_VERSION",
    "check",
    "dag_id",
    "flow_location",
    "pod_manifests",
    "render",
    "schedule_of",
    "setting_of",
    "setting_of_resource",
]
