"""A foreach whose body is several steps."""

from itertools import pairwise

from metaflow import FlowSpec, resources, step

SALES = {"north": [100, 110, 120], "east": [80, None, 90], "south": [200, 190, None, 230]}


class RegionsFlow(FlowSpec):
    """Cleans, forecasts and checks each region on its own; no region waits for another one."""

    @step
    def start(self):
        """One chain of three tasks for each region."""
        self.regions = list(SALES)
        self.next(self.clean, foreach="regions")

    @step
    def clean(self):
        """Leave out the months that were never reported."""
        self.region = self.input
        self.sales = [units for units in SALES[self.region] if units is not None]
        self.next(self.forecast)

    @resources(cpu=2, memory=8000)
    @step
    def forecast(self):
        """Next month is this month and the mean step of the months before."""
        steps = [after - before for before, after in pairwise(self.sales)]
        self.forecasted = self.sales[-1] + sum(steps) / len(steps)
        self.next(self.check)

    @step
    def check(self):
        """A forecast below zero would be nonsense."""
        self.plausible = self.forecasted >= 0
        self.next(self.collect)

    @step
    def collect(self, inputs):
        """Bring the regions together."""
        self.forecasts = {chain.region: chain.forecasted for chain in inputs if chain.plausible}
        self.next(self.end)

    @step
    def end(self):
        """Show the result."""
        print(self.forecasts)


if __name__ == "__main__":
    RegionsFlow()
