from metaflow import FlowSpec, airflow_s3_key_sensor, step


@airflow_s3_key_sensor(bucket_key="s3://acme-lake/never", mode="poke", timeout=0, soft_fail=True)
@airflow_s3_key_sensor(name="there", bucket_key="s3://acme-lake/2026-02-01/orders.csv", mode="poke")
class OptionalFlow(FlowSpec):
    """A switch lets steps run after skipped ones; the start step must not."""

    @step
    def start(self):
        self.kind = "a"
        self.next({"a": self.a, "b": self.b}, condition="kind")

    @step
    def a(self):
        self.next(self.end)

    @step
    def b(self):
        self.next(self.end)

    @step
    def end(self):
        pass
