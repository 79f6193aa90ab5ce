"""The flow of the pictures: a foreach inside of a foreach, of which one item fails."""

from metaflow import FlowSpec, Parameter, step

SALES = {
    "north": {"bakery": [10, 12, 13], "kiosk": [4, 5, 4]},
    "south": {"bakery": [20, 19, 22], "market": [31, 0, 33], "kiosk": [6, 7, 9]},
}


class ForecastFlow(FlowSpec):
    """Forecasts next month's sales of each shop, region by region.

    Runs on the first of each month. If it fails, the last forecast stays in use; ask `#sales-data`.
    """

    horizon = Parameter("horizon", type=int, default=1, help="How many months ahead.")
    strict = Parameter("strict", type=bool, default=True, help="Fail where a shop reported no sales in a month.")
    note = Parameter("note", default="draft", help="Shown on the dashboard beside the forecast.")

    @step
    def start(self):
        """One item for each region."""
        self.regions = list(SALES)
        self.next(self.load, foreach="regions")

    @step
    def load(self):
        """The shops of one region."""
        self.region = self.input
        self.shops = list(SALES[self.region])
        self.next(self.fit, foreach="shops")

    @step
    def fit(self):
        """The trend of one shop."""
        sales = SALES[self.region][self.input]
        print(f"fitting {len(sales)} months of {self.input} in {self.region}")
        if self.strict and 0 in sales:
            raise ValueError(f"{self.input} in {self.region} reported no sales in month {sales.index(0) + 1}")
        self.forecast = sales[-1] + self.horizon * (sales[-1] - sales[0]) / (len(sales) - 1)
        self.next(self.check)

    @step
    def check(self):
        """A forecast below zero would be nonsense."""
        self.plausible = self.forecast >= 0
        self.next(self.join_shops)

    @step
    def join_shops(self, inputs):
        """The forecast of one region."""
        self.total = sum(one.forecast for one in inputs if one.plausible)
        self.next(self.join_regions)

    @step
    def join_regions(self, inputs):
        """The forecasts of all regions."""
        self.totals = [one.total for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        """Show the result."""
        print(self.totals)


if __name__ == "__main__":
    ForecastFlow()
