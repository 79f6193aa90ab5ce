"""Values that Metaflow itself cannot read, so that no attribute of the flow is complete."""

from metaflow import FlowSpec, environment, kubernetes, resources, step


class ValuesFlow(FlowSpec):
    @resources(memory="4Gi", gpu=1)
    @step
    def start(self):
        self.next(self.fit)

    @kubernetes(cpu="500m", disk="10 GB", labels={"team": 5})
    @environment(vars={"1ST": "1"})
    @step
    def fit(self):
        self.next(self.end)

    @kubernetes(tmpfs_size="1Gi", gpu="one", tolerations=[{"key": "a", "tolerationSeconds": 5}])
    @step
    def end(self):
        pass


if __name__ == "__main__":
    ValuesFlow()
