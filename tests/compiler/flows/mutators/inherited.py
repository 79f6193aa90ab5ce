"""Parameters of a base flow's mutators, with some more, some others and one less."""

import os

from changes import Add, BaseFlow, NoVariables, Remove, Tries, Variables
from metaflow import Parameter, environment, retry, step


@Remove("unwanted")
@Add("with_dash", "added", type=str)
class InheritedFlow(BaseFlow):
    other = Parameter("other", default=7, type=int)

    @Tries
    @Variables(GIVEN="by a mutator")
    @environment(vars={"REPLACED": "yes"})
    @retry(times=1)
    @step
    def start(self):
        names = ("number", "share", "flag", "columns", "options", "later", "with_dash", "other", "kept")
        self.values = [getattr(self, name) for name in names]
        self.missing = [name for name in ("absent", "unwanted") if not hasattr(type(self), name)]
        self.variables = [os.environ.get("GIVEN"), os.environ.get("REPLACED")]
        self.level = self.settings.level
        self.next(self.end)

    @NoVariables
    @environment(vars={"REPLACED": "yes"})
    @step
    def end(self):
        self.variables = [os.environ.get("GIVEN"), os.environ.get("REPLACED")]


if __name__ == "__main__":
    InheritedFlow()
