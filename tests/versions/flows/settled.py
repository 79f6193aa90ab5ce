"""Parameters, a file and a Config."""

from metaflow import Config, FlowSpec, IncludeFile, JSONType, Parameter, card, current, step


class SettledFlow(FlowSpec):
    alpha = Parameter("alpha", help="a factor", default=0.5, type=float)
    title = Parameter("title", default="it's")
    fast = Parameter("fast", type=bool, default=False)
    options = Parameter("options", type=JSONType, default='{"depth": [1, 2]}')
    table = IncludeFile("table", default="table.txt")
    settings = Config("settings", default_value={"limits": {"most": 3}})

    @card(type="blank")
    @step
    def start(self):
        self.found = [self.alpha, self.title, self.fast, self.options["depth"], self.table, self.settings.limits.most]
        self.next(self.end)

    @step
    def end(self):
        print("by", current.username)


if __name__ == "__main__":
    SettledFlow()
