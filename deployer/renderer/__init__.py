"""The only room that knows Airflow's Python: a deployment and its flow become the text of a DAG file."""

from deployer.renderer.check import check
from deployer.renderer.dag_id import dag_id
from deployer.renderer.render import RENDERER_VERSION, render
from deployer.renderer.schedule import schedule_of

__all__ = ["RENDERER_VERSION", "check", "dag_id", "render", "schedule_of"]
