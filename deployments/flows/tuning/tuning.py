"""A flow that is steered by configs: values fixed at deployment, which also decorators may use."""

from metaflow import Config, FlowSpec, config_expr, environment, step


class TuningFlow(FlowSpec):
    """Tries the learning rates of a config on a model that another config describes.

    A Config is no parameter: the trigger form does not show it, and it changes with the next deployment only.
    """

    model = Config("model", default="model.json", help="What is tuned")
    search = Config("search", default_value={"rounds": 1, "learning_rates": [0.5]}, help="How it is tuned")

    @environment(vars={"MODEL_NAME": config_expr("model.name")})
    @step
    def start(self):
        """Follow the slope for a number of rounds with each rate."""
        self.losses = {rate: self.tune(rate) for rate in self.search.learning_rates}
        self.next(self.end)

    @step
    def end(self):
        """Keep the best rate."""
        self.best = min(self.losses, key=self.losses.get)
        print(f"{self.model.name}: {self.best} is best of {len(self.losses)} rates")

    def tune(self, rate):
        """The distance to the optimum after all rounds."""
        distance = self.model.optimum - self.model.start
        for _ in range(self.search.rounds):
            distance -= rate * distance
        return round(abs(distance), 6)


if __name__ == "__main__":
    TuningFlow()
