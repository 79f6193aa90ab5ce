"""Configs whose values the manifest gives, and a decorator that uses one."""

import os

from metaflow import Config, FlowSpec, config_expr, environment, step

CASE = {
    "cold": True,
    "shows": ["`Config` with values from the manifest", "`config_expr`"],
    "entry": {"config_values": {"settings": {"rate": 0.5, "name": "$HOME {{ ds }}"}}},
    "artifacts": {"start": {"rate": 0.5, "variable": "$HOME {{ ds }}"}, "end": {"rate": 0.5, "other": 1}},
}


class ConfigValuesFlow(FlowSpec):
    settings = Config("settings", default_value={"rate": 1, "name": "nobody"})
    more = Config("more", default_value={"other": 1})

    @environment(vars={"NAME": config_expr("settings.name")})
    @step
    def start(self):
        self.rate, self.variable = self.settings.rate, os.environ["NAME"]
        self.next(self.end)

    @step
    def end(self):
        self.rate, self.other = self.settings.rate, self.more.other


if __name__ == "__main__":
    ConfigValuesFlow()
