"""Objects of the file's classes that go to other processes and come back."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields

from metaflow import FlowSpec, step


@dataclass
class Point:
    x: int


def square(point):
    return Point(point.x**2)


class SpawningFlow(FlowSpec):
    @step
    def start(self):
        # A step may go elsewhere: the file is found nevertheless.
        os.chdir("/")
        self.squares = [self.square_in(method) for method in ("spawn", "forkserver", "fork")]
        # Not the text that `from __future__ import annotations` makes of it.
        self.is_type = fields(Point)[0].type is int
        self.next(self.end)

    def square_in(self, method):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
            return [point.x for point in pool.map(square, [Point(2), Point(3)])]

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SpawningFlow()
