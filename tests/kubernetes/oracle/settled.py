from metaflow import FlowSpec, kubernetes, resources, step, timeout


class SettledFlow(FlowSpec):
    """What Metaflow's settings decide, and a step that says otherwise."""

    @step
    def start(self):
        self.next(self.own)

    @kubernetes(
        cpu=3,
        memory=3000,
        disk=3000,
        image="registry.example/own:1",
        image_pull_policy="Never",
        image_pull_secrets=["own"],
        service_account="own",
        node_selector={"pool": "own"},
        tolerations=[{"key": "own", "operator": "Exists"}],
        labels={"team": "own"},
        annotations={"note": "own"},
        persistent_volume_claims={"own": "/own"},
        shared_memory=99,
        port=9090,
        qos="Burstable",
        secrets=["own"],
        gpu=1,
        gpu_vendor="nvidia",
    )
    @timeout(minutes=5)
    @step
    def own(self):
        self.next(self.larger)

    @resources(cpu=5, memory=100, gpu=2)
    @step
    def larger(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SettledFlow()
