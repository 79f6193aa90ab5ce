from metaflow import Config, FlowSpec, Parameter, project, step


@project(name="growth")
class NamedFlow(FlowSpec):
    """A project, a Config and a Parameter."""

    settings = Config("settings", default_value={"rate": 1})
    title = Parameter("title", default="plain")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NamedFlow()
