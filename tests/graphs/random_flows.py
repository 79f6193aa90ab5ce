"""Flows with random graphs: splits, foreaches and switches inside of each other, in any order."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from random import Random

HEAD = '''"""A random graph."""

from metaflow import FlowSpec, step


class {name}(FlowSpec):
'''


@dataclass
class Maker:
    """Writes steps from the last one to the first. `room` is how many more steps there should be.

    `shapes` counts what the flow holds: each construct with what it is in (``foreach in switch``), and its kind.
    """

    random: Random
    room: int
    methods: list[str] = field(default_factory=list)
    joins: set[str] = field(default_factory=set)
    within: list[str] = field(default_factory=list)
    shapes: Counter[str] = field(default_factory=Counter)

    def flow(self, name: str) -> str:
        """The source of a flow. Every task keeps its trail: its own name after those of the tasks before it."""
        self.step("end", ["pass"])
        first = self.chain("end")
        if self.random.random() < 0.5:
            self.step("start", ["self.trail = 'start'", f"self.next(self.{first})"], trail=False)
        else:
            self.shapes["a construct as the first step"] += not first.startswith("line")
            plain = f"    @step\n    def {first}(self):\n"
            started = f"    @step(start=True)\n    def {first}(self):\n        self.trail = ''\n"
            self.methods = [method.replace(plain, started) for method in self.methods]
        return (
            HEAD.format(name=name)
            + "\n".join(reversed(self.methods))
            + f'\n\nif __name__ == "__main__":\n    {name}()\n'
        )

    def chain(self, then: str, within: str = "") -> str:
        """One to three things in a row before `then`. Returns the first step's name."""
        self.within.append(within)
        for _ in range(self.random.choice((1, 1, 1, 2, 2, 3))):
            kinds = [self.linear, self.foreach, self.foreach, self.split, self.switch, self.switch]
            make = self.random.choice(kinds) if self.room > 0 and len(self.within) < 5 else self.linear
            then = make(then)
        self.within.pop()
        return then

    def linear(self, then: str) -> str:
        return self.step(self.new("line"), [f"self.next(self.{then})"])

    def foreach(self, then: str) -> str:
        self.note("foreach")
        join = self.join("gather", then, "inputs")
        body = self.chain(join, "foreach")
        self.sort_if_open(join)
        self.shapes[f"foreach right before {body.partition('_')[0]}"] += 1
        most = self.random.choice((1, 2, 2, 3))
        count = f"1 + (len(self.trail) + (self.index or 0) + {self.random.randrange(3)}) % {most}"
        return self.step(
            self.new("each"), [f"self.items = list(range({count}))", f"self.next(self.{body}, foreach='items')"]
        )

    def split(self, then: str) -> str:
        self.note("split")
        # Metaflow hands the branches over in any order.
        join = self.join("join", then, "sorted(inputs, key=lambda one: one.trail)")
        branches = [self.chain(join, "split") for _ in range(self.random.choice((2, 2, 2, 3)))]
        self.shapes[f"split of {len(branches)}"] += 1
        return self.step(self.new("split"), [f"self.next({', '.join(f'self.{name}' for name in branches)})"])

    def switch(self, then: str) -> str:
        self.note("switch")
        if then in self.joins:
            self.shapes["switch that merges in a join only"] += 1
        branches = [self.chain(then, "switch")]
        for _ in range(self.random.choice((1, 1, 2))):
            branches.append(self.branch(then, branches))
        self.random.shuffle(branches)
        chosen = f"(len(self.trail) + (self.index or 0) + {self.random.randrange(6)}) % {len(branches)}"
        cases = ", ".join(f"'{number}': self.{name}" for number, name in enumerate(branches))
        return self.step(self.new("switch"), [f"self.way = str({chosen})", f"self.next({{{cases}}}, condition='way')"])

    def branch(self, then: str, others: list[str]) -> str:
        """Another way to `then`: of its own, none at all, or one that runs into the way of another branch."""
        kind = self.random.choice(("own", "own", "none", "into another"))
        if kind == "none" and then not in self.joins and then not in others:
            self.shapes["switch with a way that is the merge"] += 1
            return then
        if kind == "into another":
            self.shapes["switch with a way into another"] += 1
            return self.chain(self.random.choice(others), "switch")
        return self.chain(then, "switch")

    def join(self, kind: str, then: str, inputs: str) -> str:
        name = self.new(kind)
        self.joins.add(name)
        trail = f"self.trail = '{name}(' + ','.join(one.trail for one in {inputs}) + ')'"
        return self.step(name, [trail, f"self.next(self.{then})"], trail=False, arguments="self, inputs")

    def sort_if_open(self, join: str) -> None:
        """Metaflow's own runtime leaves open in which order items come that reach their join by different steps.

        It takes those steps out of a set of names. On Airflow they are in the order of the items.
        """
        into = sum(bool(re.search(rf"self\.{join}\b", method)) for method in self.methods)
        if into > 1:
            plain, ordered = "for one in inputs)", "for one in sorted(inputs, key=lambda one: one.trail))"
            number = next(n for n, method in enumerate(self.methods) if f"def {join}(" in method)
            self.methods[number] = self.methods[number].replace(plain, ordered)

    def new(self, kind: str) -> str:
        self.room -= 1
        return f"{kind}_{len(self.methods)}"

    def note(self, kind: str) -> None:
        self.shapes[f"{kind} in {self.within[-1] or 'the flow'}"] += 1
        if kind == "foreach":
            self.shapes[f"foreach at depth {self.within.count('foreach') + 1}"] += 1

    def step(self, name: str, lines: list[str], trail: bool = True, arguments: str = "self") -> str:
        own = [f"self.trail += '.{name}' + str(self.index or '')"] if trail else []
        body = "".join(f"        {line}\n" for line in [*own, *lines])
        self.methods.append(f"    @step\n    def {name}({arguments}):\n{body}")
        return name
