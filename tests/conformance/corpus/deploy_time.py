"""A default that is worked out by the apply, and is the same in every run."""

import uuid

from metaflow import FlowSpec, Parameter, step

CASE = {
    "shows": ["deploy-time functions"],
    "runs": [{}, {"minute": 1}],
}


def made(context):
    """Another one at each evaluation."""
    return f"{context.flow_name}.{context.parameter_name} by {context.user_name}: {uuid.uuid4()}"


class DeployTimeFlow(FlowSpec):
    deployed = Parameter("deployed", default=made)

    @step
    def start(self):
        self.process = uuid.uuid4().hex


if __name__ == "__main__":
    DeployTimeFlow()
