from metaflow import FlowSpec, environment, kubernetes, step


class ScoreFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @kubernetes(disk=50000, labels={"team": "growth"}, secrets=["score-keys"])
    @environment(vars={"MODE": "fast"})
    @step
    def end(self):
        pass


if __name__ == "__main__":
    ScoreFlow()
