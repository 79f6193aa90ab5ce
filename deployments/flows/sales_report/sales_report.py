"""A report with a parameter of every type that a trigger form can show."""

from metaflow import FlowSpec, JSONType, Parameter, step

SALES = {"north": 120, "east": 80, "south": 200, "west": 40}


class SalesReportFlow(FlowSpec):
    """Ranks the regions by what they sold.

    Every parameter can be set in Airflow's trigger form; the manifest gives the defaults of the scheduled runs.
    """

    recipient = Parameter("recipient", help="Who gets the report", type=str, required=True)
    top = Parameter("top", help="How many regions to name", type=int, default=3)
    threshold = Parameter("threshold", help="Regions that sold less are left out", type=float, default=50.5)
    dry_run = Parameter("dry_run", help="Only write the report, send nothing", type=bool, default=True)
    regions = Parameter("regions", help="Regions to look at, with commas", separator=",", default="north,east,south")
    labels = Parameter("labels", help="Names to print, by region", type=JSONType, default='{"north": "North"}')

    @step
    def start(self):
        """Choose the regions that the report is about."""
        sales = {region: SALES[region] for region in self.regions}
        self.sales = {region: units for region, units in sales.items() if units >= self.threshold}
        self.next(self.rank)

    @step
    def rank(self):
        """Put the best region first."""
        ranked = sorted(self.sales, key=self.sales.get, reverse=True)[: self.top]
        self.report = [self.labels.get(region, region) for region in ranked]
        self.next(self.end)

    @step
    def end(self):
        """Say what would be sent to whom."""
        verb = "would send" if self.dry_run else "sends"
        self.summary = f"{verb} {', '.join(self.report)} to {self.recipient}"
        print(self.summary)


if __name__ == "__main__":
    SalesReportFlow()
