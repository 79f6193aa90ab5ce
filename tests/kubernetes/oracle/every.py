from metaflow import FlowSpec, kubernetes, resources, step


class EveryFlow(FlowSpec):
    """Every attribute of `@kubernetes`, alone or with those that it needs."""

    @kubernetes(
        cpu=2.5,
        memory=8000,
        disk=20000,
        image="registry.example/ml:1",
        image_pull_policy="Always",
        image_pull_secrets=["regcred", "other"],
        service_account="trainer",
        secrets=["one", "two"],
        node_selector={"kubernetes.io/arch": "amd64", "pool": "cpu"},
        namespace="jobs",
        port=8080,
    )
    @step
    def start(self):
        self.next(self.on_gpu)

    @kubernetes(
        gpu=2,
        gpu_vendor="AMD",
        qos="Guaranteed",
        extended_resources={"vpc.amazonaws.com/efa": "1"},
        compute_pool="large",
        tolerations=[
            {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},
            {"key": "spot", "operator": "Equal", "value": "yes", "effect": "NoExecute", "toleration_seconds": 30},
        ],
    )
    @step
    def on_gpu(self):
        self.next(self.without_gpu)

    @kubernetes(gpu=0, memory=1000)
    @resources(cpu=4, memory=500, disk=30000, shared_memory=64)
    @step
    def without_gpu(self):
        self.next(self.marked)

    @kubernetes(
        labels={"app": "trainer", "team": "growth"},
        annotations={"note": "costs $(MONEY) {{ ds }}", "cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
        node_selector="kubernetes.io/os=linux,kubernetes.io/arch=arm64",
        secrets="alone",
    )
    @step
    def marked(self):
        self.next(self.in_memory)

    @kubernetes(use_tmpfs=True, memory=2000, shared_memory=512, hostname_resolution_timeout=60)
    @step
    def in_memory(self):
        self.next(self.in_its_place)

    @kubernetes(tmpfs_size=256, tmpfs_path="/scratch", tmpfs_tempdir=False)
    @step
    def in_its_place(self):
        self.next(self.claiming)

    @kubernetes(persistent_volume_claims={"models": "/models", "a-cache": "/cache"})
    @step
    def claiming(self):
        self.next(self.secured)

    @kubernetes(
        security_context={
            "privileged": False,
            "allow_privilege_escalation": False,
            "run_as_user": 1000,
            "run_as_group": 2000,
            "run_as_non_root": True,
        }
    )
    @step
    def secured(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    EveryFlow()
