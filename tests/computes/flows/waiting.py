from datetime import timedelta

from metaflow import FlowSpec, airflow_external_task_sensor, airflow_s3_key_sensor, step


@airflow_external_task_sensor(
    name="loads", external_dag_id="loads", execution_delta=timedelta(hours=1), failed_states=["failed"], mode="poke"
)
@airflow_external_task_sensor(
    name="only-of-loads", external_dag_id="loads", external_task_ids=["only"], execution_delta=timedelta(hours=1)
)
@airflow_s3_key_sensor(name="of-the-day", bucket_key="{{ ds }}/*.csv", bucket_name="acme-lake", wildcard_match=True)
@airflow_s3_key_sensor(
    name="late", bucket_key="s3://acme-lake/late/{{ dag.dag_id }}", mode="poke", poke_interval=0.2, timeout=300
)
class WaitingFlow(FlowSpec):
    @step(start=True, end=True)
    def only(self):
        self.waited = True
