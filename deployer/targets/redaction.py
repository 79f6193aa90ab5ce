"""Settings with `${env.X}` in them, as the address of a target: what is said has the reference, and never the value."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Final
from urllib.parse import quote, unquote

from deployer.errors import Diagnostic
from deployer.manifest.fields import ResolvedPath
from deployer.models.target import MovedError, Target, TargetError, UnpublishedError
from deployer.models.waiting import WaitPolicy

_BETWEEN: Final = re.compile(r"[/?#@:&=\\]+")
_SCHEMES: Final = frozenset(
    ("https", "http", "ssh", "file", "git+https", "git+ssh", "git+file", "azure", "abfss", "blob", "core")
)
# Shorter parts of a URL say nothing, and are in every message.
_SHORTEST: Final = 3


class Redaction:
    """Replaces the values of the references of a setting in texts: the client library or the server may repeat them."""

    def __init__(self, place: ResolvedPath) -> None:
        self._shown = _shown_instead(place)
        longest_first = sorted(self._shown, key=lambda text: (-len(text), text))
        self._found = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def hide(self, text: str) -> str:
        """The text without a value, in any form that an address gets on its way."""
        return self._found.sub(lambda match: self._shown[match[0]], text) if self._found else text

    def of_problem(self, problem: Diagnostic) -> Diagnostic:
        """The same problem, whose message and hint name no value."""
        return replace(problem, message=self.hide(problem.message), hint=self.hide(problem.hint))

    def waits(self, policy: WaitPolicy) -> WaitPolicy:
        """The same policy, whose notices name no value."""
        return replace(policy, notify=lambda what: policy.notify(self.hide(what)))

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Errors of the target without a value in them. What else fails and holds one becomes a TargetError."""
        try:
            yield
        except MovedError as error:
            raise MovedError(error.file, self.hide(str(error))) from None
        except UnpublishedError as error:
            moved = {file: self.hide(who) for file, who in error.moved.items()}
            raise UnpublishedError(self.hide(str(error)), moved) from None
        except TargetError as error:
            raise TargetError(self.hide(str(error)), self.hide(error.hint)) from None
        except Exception as error:
            report = "".join(traceback.format_exception(error))
            if self.hide(report) == report:
                raise
            raise TargetError(self.hide(f"{type(error).__name__}: {error}")) from None


def _shown_instead(place: ResolvedPath) -> dict[str, str]:
    """What is shown in the place of each text that must not be."""
    found: dict[str, str] = {}
    for reference, value in place.secrets:
        found.update(dict.fromkeys(_parts(value), "***"))
        found.update(dict.fromkeys(_forms(value), reference))
    if place.secrets:
        found.update(dict.fromkeys(_forms(place.resolved), place.written))
    found.pop("", None)
    return found


def _forms(text: str) -> Iterator[str]:
    yield from (text, text.rstrip("/"), unquote(text), quote(text), quote(text, safe=""), repr(text)[1:-1])


def _parts(value: str) -> Iterator[str]:
    """The parts of a value that is itself an address: targets take it apart, and name the bucket or the host alone."""
    login = re.match(r"[^/]*//([^/]*)@", value)
    if login:
        yield login[1]
    for text in (value, unquote(value)):
        yield from (part for part in _BETWEEN.split(text) if len(part) >= _SHORTEST and part not in _SCHEMES)


class RedactedTarget:
    """A target with errors that name no value of a reference."""

    def __init__(self, target: Target, redaction: Redaction) -> None:
        self._target = target
        self._redaction = redaction

    @property
    def local(self) -> bool:
        return self._target.local

    def list(self, pattern: str = "*.py", *others: str) -> Mapping[str, str]:
        with self._redaction.errors():
            return self._target.list(pattern, *others)

    def read(self, file: str) -> tuple[bytes, str]:
        with self._redaction.errors():
            return self._target.read(file)

    def read_many(self, files: Iterable[str]) -> Mapping[str, tuple[bytes, str]]:
        with self._redaction.errors():
            return self._target.read_many(files)

    def create(self, file: str, content: bytes) -> str:
        with self._redaction.errors():
            return self._target.create(file, content)

    def replace(self, file: str, content: bytes, version: str) -> str:
        with self._redaction.errors():
            return self._target.replace(file, content, version)

    def delete(self, file: str, version: str) -> None:
        with self._redaction.errors():
            self._target.delete(file, version)

    def publish(self, message: str, user: str, remember: Callable[[], None]) -> None:
        with self._redaction.errors():
            self._target.publish(message, user, remember)
