"""Flows with random graphs: splits, foreaches and switches inside of each other, in any order."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

HEAD = '''"""A random graph."""

from metaflow import FlowSpec, step


class {name}(FlowSpec):
'''


@dataclass
class Maker:
    """Writes steps from the last one to the first. `room` is how many more constructs there may be."""

    random: Random
    room: int
    methods: list[str] = field(default_factory=list)
    joins: set[str] = field(default_factory=set)

    def flow(self, name: str) -> str:
        """The source of a flow. Every task keeps its trail: its own name after those of the tasks before it."""
        self.step("end", ["pass"])
        first = self.chain("end", depth=0)
        self.step("start", ["self.trail = 'start'", f"self.next(self.{first})"], trail=False)
        return (
            HEAD.format(name=name)
            + "\n".join(reversed(self.methods))
            + f'\n\nif __name__ == "__main__":\n    {name}()\n'
        )

    def chain(self, then: str, depth: int) -> str:
        """One to three things in a row before `then`. Returns the first step's name."""
        for _ in range(self.random.choice((1, 1, 2, 3))):
            kinds = [self.linear, self.foreach, self.foreach, self.split, self.switch, self.switch]
            make = self.random.choice(kinds) if self.room > 0 and depth < 3 else self.linear
            then = make(then, depth)
        return then

    def linear(self, then: str, depth: int) -> str:
        return self.step(self.new("line"), [f"self.next(self.{then})"])

    def foreach(self, then: str, depth: int) -> str:
        join = self.join("gather", then, "inputs")
        body = self.chain(join, depth + 1)
        count = f"1 + (len(self.trail) + {self.random.randrange(2)}) % 2"
        return self.step(
            self.new("each"), [f"self.items = list(range({count}))", f"self.next(self.{body}, foreach='items')"]
        )

    def split(self, then: str, depth: int) -> str:
        # Metaflow hands the branches over in any order.
        join = self.join("join", then, "sorted(inputs, key=lambda one: one.trail)")
        branches = [self.chain(join, depth + 1) for _ in range(2)]
        return self.step(self.new("split"), [f"self.next(self.{branches[0]}, self.{branches[1]})"])

    def switch(self, then: str, depth: int) -> str:
        if then in self.joins:
            then = self.linear(then, depth)
        direct = self.random.random() < 0.3
        branches = [self.chain(then, depth + 1), then if direct else self.chain(then, depth + 1)]
        chosen = f"(len(self.trail) + (self.index or 0) + {self.random.randrange(2)}) % 2"
        cases = ", ".join(f"'{number}': self.{name}" for number, name in enumerate(branches))
        return self.step(self.new("switch"), [f"self.way = str({chosen})", f"self.next({{{cases}}}, condition='way')"])

    def join(self, kind: str, then: str, inputs: str) -> str:
        name = self.new(kind)
        self.joins.add(name)
        trail = f"self.trail = '{name}(' + ','.join(one.trail for one in {inputs}) + ')'"
        return self.step(name, [trail, f"self.next(self.{then})"], trail=False, arguments="self, inputs")

    def new(self, kind: str) -> str:
        self.room -= 1
        return f"{kind}_{len(self.methods)}"

    def step(self, name: str, lines: list[str], trail: bool = True, arguments: str = "self") -> str:
        own = [f"self.trail += '.{name}' + str(self.index or '')"] if trail else []
        body = "".join(f"        {line}\n" for line in [*own, *lines])
        self.methods.append(f"    @step\n    def {name}({arguments}):\n{body}")
        return name
