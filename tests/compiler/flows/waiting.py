from datetime import timedelta

from metaflow import FlowSpec, airflow_external_task_sensor, airflow_s3_key_sensor, project, schedule, step


@airflow_external_task_sensor(
    external_dag_id="upstream",
    external_task_ids="end",
    allowed_states=["success", "skipped"],
    failed_states="failed",
    execution_delta=timedelta(minutes=90),
    name="wait-for-upstream",
)
@airflow_s3_key_sensor(bucket_key="s3://acme/{{ ds }}/_SUCCESS", mode="poke", timeout=30)
@airflow_s3_key_sensor(bucket_key=["a", "b"], bucket_name="acme", description="Two of them", soft_fail=True)
@schedule(daily=True)
@project(name="growth")
class WaitingFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
