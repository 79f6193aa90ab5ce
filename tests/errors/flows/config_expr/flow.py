from metaflow import Config, FlowSpec, config_expr, environment, step


class BadFlow(FlowSpec):
    settings = Config("settings", default_value={"depth": 1})

    @environment(vars={"DEPTH": config_expr("settings.width")})
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
