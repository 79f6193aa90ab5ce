"""Attributes of `@kubernetes` that a cluster honours without hardware of its own."""

from metaflow import FlowSpec, kubernetes, step

CASE = {
    "shows": ["`@kubernetes`: every attribute that describes a pod"],
    "computes": ["kubernetes"],
    "entry": {"steps": {"end": {"tolerations": [{"key": "spot", "operator": "Exists"}]}}},
}


class PodAttributesFlow(FlowSpec):
    @kubernetes(
        cpu=2,
        memory=5000,
        disk=2000,
        image="registry.example/other:2",
        image_pull_policy="Always",
        image_pull_secrets=["registry"],
        namespace="other-jobs",
        service_account="trainer",
        node_selector="disk=ssd",
        tolerations=[{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
        labels={"team": "growth"},
        annotations={"note": "costs $(MONEY) {{ ds }}"},
        use_tmpfs=True,
        tmpfs_size=64,
        shared_memory=32,
        port=8080,
        qos="Guaranteed",
        security_context={"run_as_user": 1000, "privileged": False},
    )
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    PodAttributesFlow()
