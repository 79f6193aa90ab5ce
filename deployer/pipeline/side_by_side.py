"""Questions to running orchestrators, asked side by side, and given up when the time for all of them is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import TypeVar

from deployer.context import Context
from deployer.models.live import Live, LiveError, Product

Key = TypeVar("Key")
Answer = TypeVar("Answer")
_THREADS = 16


def side_by_side(
    questions: Mapping[Key, Callable[[], Answer]], seconds: float
) -> tuple[Mapping[Key, Answer], Mapping[Key, LiveError]]:
    """The answers that come within the time, and what the orchestrator refuses; what is in neither came too late.

    The threads are daemons: a server that is silent keeps no process from its end. Any other exception is raised.
    """
    waiting: SimpleQueue[tuple[Key, Callable[[], Answer]]] = SimpleQueue()
    for question in questions.items():
        waiting.put(question)
    answers: dict[Key, Answer] = {}
    errors: dict[Key, LiveError] = {}
    bugs: list[Exception] = []
    lock, over = Lock(), Event()
    if not questions:
        return answers, errors

    def ask() -> None:
        while not over.is_set():
            try:
                key, question = waiting.get_nowait()
            except Empty:
                return
            try:
                answer = question()
            except LiveError as error:
                with lock:
                    errors[key] = error
            except Exception as error:
                bugs.append(error)
                over.set()
            else:
                with lock:
                    answers[key] = answer
            with lock:
                if len(answers) + len(errors) == len(questions):
                    over.set()

    for _ in range(min(_THREADS, len(questions))):
        Thread(target=ask, daemon=True).start()
    over.wait(seconds)
    over.set()
    if bugs:
        raise bugs[0]
    with lock:
        return dict(answers), dict(errors)


def quickly(context: Context, seconds: float) -> Context:
    """The same context in which no server is waited for longer than this."""
    return replace(context, waits=replace(context.waits, seconds=min(seconds, context.waits.seconds)))


def log_in(live: Live, seconds: float) -> Product:
    """Ask an orchestrator what it is, so that it is logged in to once, and not in each thread. Raises LiveError."""
    asked, problems = side_by_side({"": live.product}, seconds)
    for problem in problems.values():
        raise problem
    if not asked:
        raise LiveError(f"no answer within {seconds:g} seconds")
    return asked[""]
