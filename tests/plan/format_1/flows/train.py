from metaflow import Config, FlowSpec, Parameter, retry, schedule, step


def today(context):
    return "2026-01-31"


@schedule(cron="0 3 * * *", timezone="Europe/Helsinki")
class TrainFlow(FlowSpec):
    """Trains."""

    model = Config("model", default_value="{}")
    alpha = Parameter("alpha", default=0.05, help="Learning rate")
    day = Parameter("day", default=today)
    customer = Parameter("customer", type=str)

    @step
    def start(self):
        self.folds = [1, 2]
        self.next(self.fit, foreach="folds")

    @retry(times=2, minutes_between_retries=1)
    @step
    def fit(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TrainFlow()
