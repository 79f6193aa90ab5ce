"""Objects of the file's classes that go to spawned processes and come back."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from metaflow import FlowSpec, step

CASE = {
    "shows": ["processes that a step starts by `multiprocessing`, with objects of the flow's own classes"],
    "artifacts": {"start": {"squares": [4, 9]}},
    # A worker whose processes have Metaflow imported already is no Python that could be started again.
    "cold": True,
}


@dataclass
class Point:
    x: int


def square(point):
    return Point(point.x**2)


class SpawnedFlow(FlowSpec):
    @step
    def start(self):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            self.squares = [point.x for point in pool.map(square, [Point(2), Point(3)])]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SpawnedFlow()
