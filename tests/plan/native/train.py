from metaflow import FlowSpec, Parameter, schedule, step


@schedule(cron="0 3 * * *")
class TrainFlow(FlowSpec):
    """Train."""

    alpha = Parameter("alpha", default=0.05, help="a 'rate'")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TrainFlow()
