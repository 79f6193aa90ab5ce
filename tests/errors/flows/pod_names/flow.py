"""Values that Metaflow passes on, and that Kubernetes refuses or drops."""

from metaflow import FlowSpec, kubernetes, step


class NamesFlow(FlowSpec):
    @kubernetes(
        security_context={
            "runAsUser": 1000,
            "run_as_group": "staff",
            "capabilities": {"drop": "ALL", "ad": ["NET_ADMIN"]},
            "seccomp_profile": {"type": "Default"},
        },
        tolerations=[{"key": "gpu", "operator": "Equals"}, {"value": "spot"}],
    )
    @step
    def start(self):
        self.next(self.fit)

    @kubernetes(
        labels={"a b": "x", "team": "growth"},
        annotations={"a/b/c": "x", "cost": 5},
        node_selector={"zone": "eu west"},
        secrets=["My_Secret"],
        image_pull_secrets=["-"],
        service_account="Trainer",
        namespace="team.a",
    )
    @step
    def fit(self):
        self.next(self.end)

    @kubernetes(
        port=70000,
        image_pull_policy="always",
        persistent_volume_claims={"models": "/data", "other": "/data", "v1.2": "/x"},
        extended_resources={"efa": "1", "vpc.amazonaws.com/efa": "1.5"},
        gpu=-1,
    )
    @step
    def end(self):
        pass


if __name__ == "__main__":
    NamesFlow()
