import os
import signal
import time
from pathlib import Path

from metaflow import Config, FlowSpec, Parameter, current, parallel, step
from metaflow.integrations import ArgoEvent


class ParallelFlow(FlowSpec):
    settings = Config("settings")
    size = Parameter("size", type=int, default=2)

    @step
    def start(self):
        self.next(self.train, num_parallel=self.size)

    @parallel
    @step
    def train(self):
        node = current.parallel
        waiting, (asked, way) = os.environ.get("WAITING"), os.environ.get("WAY", "- -").split()
        if waiting and node.node_index:
            Path(waiting, str(os.getpid())).touch()
            Path(waiting, str(os.getppid())).touch()
            time.sleep(600)
        while waiting and len(list(Path(waiting).iterdir())) < 2 * (node.num_nodes - 1):
            time.sleep(0.01)
        if asked == str(node.node_index):
            if way == "raise":
                raise ValueError("asked")
            if way == "exit":
                os._exit(0)
            elif way == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            elif way == "stop":
                os.kill(os.getppid(), signal.SIGTERM)
                time.sleep(600)
        ArgoEvent("stock.counted").publish({"node": node.node_index})
        self.seen = {
            "node": node.node_index,
            "nodes": node.num_nodes,
            "control": node.control_task_id,
            "rate": self.settings.rate,
            "tags": sorted({"team:growth"} & set(current.tags)),
            "events": [event.name for event in current.trigger.events],
            "left": [name for name in os.environ if name.startswith("MFDEPLOY_")],
        }
        self.next(self.join)

    @step
    def join(self, inputs):
        self.seen = [each.seen for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ParallelFlow()
