"""Flows as text, for tests that are not about what is in them."""

from __future__ import annotations


def two_steps(name: str) -> str:
    """A flow file with a start and an end that do nothing."""
    return f'''from metaflow import FlowSpec, step


class {name}(FlowSpec):
    """The {name}."""

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
'''
