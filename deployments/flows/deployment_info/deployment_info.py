"""A parameter whose default is worked out when the flow is deployed."""

import json
from datetime import datetime

from metaflow import FlowSpec, JSONType, Parameter, step


def deployment_info(context):
    """Who deploys the flow, and when: evaluated once by the apply, never by a run."""
    return json.dumps({"who": context.user_name, "when": datetime.now().isoformat()})


class DeploymentInfoFlow(FlowSpec):
    """Tells who deployed it and when, the same in every run until the next deployment."""

    info = Parameter("deployment_info", help="Who deployed the flow, and when", type=JSONType, default=deployment_info)

    @step
    def start(self):
        """Read the information like any other parameter."""
        print(f"This flow was deployed at {self.info['when']} by {self.info['who']}")
        self.next(self.end)

    @step
    def end(self):
        """Nothing is left to do."""


if __name__ == "__main__":
    DeploymentInfoFlow()
