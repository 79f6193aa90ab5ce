from metaflow import FlowSpec, airflow_s3_key_sensor, step


@airflow_s3_key_sensor(bucket_key="s3://bucket/key")
@airflow_s3_key_sensor(bucket_name="bucket")
class BadFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
