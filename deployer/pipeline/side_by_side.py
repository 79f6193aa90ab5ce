"""Questions that are asked side by side, and given up when the time for all of them is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import TypeVar

Key = TypeVar("Key")
Answer = TypeVar("Answer")
_THREADS = 16


def side_by_side(
    questions: Mapping[Key, Callable[[], Answer]], seconds: float
) -> tuple[Mapping[Key, Answer], Mapping[Key, Exception]]:
    """The answers that come within the time, and the errors; what is in neither came too late.

    The threads are daemons: a server that is silent keeps no process from its end.
    """
    waiting: SimpleQueue[tuple[Key, Callable[[], Answer]]] = SimpleQueue()
    for question in questions.items():
        waiting.put(question)
    answers: dict[Key, Answer] = {}
    errors: dict[Key, Exception] = {}
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
            except Exception as error:
                with lock:
                    errors[key] = error
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
    with lock:
        return dict(answers), dict(errors)
