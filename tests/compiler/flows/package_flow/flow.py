"""A flow with configs, a deploy-time parameter, and code beside it."""

import json

from helper import SIGN
from lib.numbers import double
from metaflow import Config, FlowSpec, JSONType, Parameter, config_expr, environment, step


def who(context):
    return json.dumps({"who": context.user_name, "flow": context.flow_name, "name": context.parameter_name})


def rounds(context):
    return 7


class PackageFlow(FlowSpec):
    settings = Config("settings", default="settings.json")
    words = Config("words", default_value={"hello": "hei"})
    info = Parameter("info", type=JSONType, default=who)
    rounds = Parameter("rounds", default=rounds, type=int)
    limit = Parameter("limit", default=config_expr("settings.limit"))

    @environment(vars={"DEPTH": config_expr("settings.depth")})
    @step
    def start(self):
        self.words_seen = self.words.hello
        self.doubled = double(self.settings.limit)
        self.sign = SIGN
        self.next(self.end)

    @step
    def end(self):
        print(self.info)


if __name__ == "__main__":
    PackageFlow()
