from metaflow import FlowSpec, airflow_external_task_sensor, step


@airflow_external_task_sensor(external_dag_id="up", execution_date_fn=max)
class BadFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
