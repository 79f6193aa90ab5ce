"""What a flow can learn while it is imported that no notes can hold: the clock, chance, the machine, a database.

Python tells two ways: an audit event names what is done (https://docs.python.org/3/library/audit_events.html), and a
profile function sees each call of a function that is written in C, such as that of a clock.
"""

from __future__ import annotations

import _thread
import datetime
import grp
import importlib
import locale
import os
import platform
import pwd
import random
import sys
import sysconfig
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import BuiltinFunctionType, FrameType, ModuleType
from typing import Any

import metaflow

from .metaflow_compat import functions_of_account

# Events from which no code learns anything that the same files, modules and variables would not tell it again. What is
# not in this list may be anything: libraries have events of their own. Files, folders and imports are noted elsewhere.
HARMLESS_EVENTS = frozenset(
    {
        *("array.__new__", "builtins.id", "code.__new__", "compile", "exec", "function.__new__", "monitoring"),
        *("object.__delattr__", "object.__getattr__", "object.__setattr__"),
        *("marshal.dumps", "marshal.load", "marshal.loads", "pickle.find_class"),
        *("gc.get_objects", "gc.get_referents", "gc.get_referrers", "ctypes.set_errno", "ctypes.get_errno"),
        *("sys._getframe", "sys._getframemodulename", "sys._current_frames", "sys.excepthook", "sys.unraisablehook"),
        *("sys.set_asyncgen_hooks_firstiter", "sys.set_asyncgen_hooks_finalizer", "sys.addaudithook"),
        *("os.putenv", "os.unsetenv", "time.sleep"),
        # Told by `open`, which comes after them, or by the listing of a folder.
        *("open", "import", "os.listdir", "os.scandir", "os.walk", "os.fwalk", "glob.glob", "glob.glob/2"),
        *("pathlib.Path.glob", "pathlib.Path.rglob"),
    }
)
# Modules of the standard library that open files without an event.
OPAQUE_MODULES = frozenset({"_curses", "_dbm", "_gdbm", "_tkinter", "crypt", "nis", "readline", "spwd"})
STANDARD = tuple(f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib"))
"""The folders of the standard library. Installed packages may lie below them."""
# Class methods of `date` and `datetime`, and of what derives from them: the clock, and the machine's time zone.
_CLOCKS = {"fromtimestamp", "now", "today", "utcnow"}
_OF_OS = """
    confstr cpu_count ctermid fpathconf fstat fstatvfs getcwd getcwdb getegid geteuid getgid
    getgrouplist getgroups getloadavg getlogin getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid
    getsid getuid getxattr listxattr nice pathconf process_cpu_count sched_getaffinity sched_getparam
    sched_getscheduler statvfs sysconf times ttyname umask uname urandom
"""
_OF_TIME = """
    asctime clock_gettime clock_gettime_ns ctime gmtime localtime mktime monotonic monotonic_ns perf_counter
    perf_counter_ns process_time process_time_ns strftime thread_time thread_time_ns time time_ns
"""


def _functions(module: ModuleType, names: str) -> set[Any]:
    """Those functions of a module that this Python has."""
    return {function for name in names.split() if (function := getattr(module, name, None)) is not None}


def _all_functions(module: str) -> set[Any]:
    """All functions of a module that is written in C; none where this Python lacks it."""
    try:
        found = vars(importlib.import_module(module))
    except ImportError:
        return set()
    return {value for value in found.values() if isinstance(value, BuiltinFunctionType)}


_CHANGEABLE = {
    *_functions(os, _OF_OS),
    *_functions(time, _OF_TIME),
    *_functions(pwd, "getpwall getpwnam getpwuid"),
    *_functions(grp, "getgrall getgrgid getgrnam"),
    # What a thread calls is on nobody's behalf.
    *_functions(_thread, "get_native_id start_new_thread start_joinable_thread"),
    # What the machine is, and what starts processes.
    *_all_functions("_uuid"),
    *_all_functions("resource"),
    *(function for function in _all_functions("_ssl") if function.__name__.startswith("RAND_")),
    *_all_functions("_posixsubprocess"),
}
# Functions in Python: of the machine, of the account, and of the state of files, which a copy of a file has not.
_IN_PYTHON = (
    *(uuid.getnode, locale.setlocale, os.path.getatime, os.path.getctime, os.path.getmtime),
    *functions_of_account(),
)
# By their identity: to hash a code object is to hash all that it holds.
_CODES = frozenset(id(function.__code__) for function in _IN_PYTHON)
_CHANCE = random.Random.__base__  # written in C; `random.SystemRandom` asks os.urandom


class _Kinds(dict[type, bool]):
    """Whether a function that is bound to an object of a type may be changeable, found once for each type."""

    def __missing__(self, kind: type) -> bool:
        kinds = (ModuleType, type, datetime.datetime, *([_CHANCE] if _CHANCE is not None else []))
        found = self[kind] = issubclass(kind, kinds)
        return found


_KINDS = _Kinds()


def is_changeable(function: Any) -> bool:
    """Whether a function that is written in C may give another result in another process, though nothing changed."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, type):
        return issubclass(owner, datetime.date) and function.__name__ in _CLOCKS
    if isinstance(owner, ModuleType):
        return function in _CHANGEABLE
    if isinstance(owner, datetime.datetime):
        return _asks_for_time_zone(owner, function.__name__)
    return _KINDS[type(owner)]


def _asks_for_time_zone(time: datetime.datetime, method: str) -> bool:
    """Whether a method of a time asks for the machine's time zone, or may: the arguments are not known."""
    return method == "astimezone" or (method == "timestamp" and time.tzinfo is None)


def is_extension(origin: str) -> bool:
    """Whether a module's file is compiled: it may open files, and ask for anything else, without an event."""
    return origin.endswith(tuple(EXTENSION_SUFFIXES))


_INSTALLED = ("/site-packages/", "/dist-packages/")
# Metaflow's code is part of the digest, and does the same for every flow.
_OF_NOBODY = ("<frozen importlib", f"{Path(metaflow.__file__).parent}/", f"{Path(__file__).parents[2]}/")


def is_by_flow_itself(frame: FrameType | None) -> bool:
    """Whether the code of this frame is the flow's, or of a library that it uses: not the standard library's."""
    file = frame.f_code.co_filename if frame is not None else "<"
    return not file.startswith("<") and not _is_standard(file) and is_of_flow(frame)


def is_of_flow(frame: FrameType | None) -> bool:
    """Whether something is done on behalf of the flow: the innermost code that is not of the standard library is the
    flow's, or of a library that it uses.

    What the standard library does for its own import is nobody's.
    """
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_OF_NOBODY):
            return False
        if not _is_standard(file) and not file.startswith("<"):
            return True
        frame = frame.f_back
    return False


def _is_standard(file: str) -> bool:
    return file.startswith(STANDARD) and not any(part in file for part in _INSTALLED)


def watch_calls(report: Callable[[str], None]) -> None:
    """Report each call of a changeable function on behalf of a flow, for the rest of this process."""
    # What these do depends on what they asked the machine for when they were called first, before there was a flow.
    of_platform, codes = vars(platform), _CODES

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        # Called some 50,000 times for a flow: what most of these calls are is decided first, and by no further call.
        if event == "c_call":
            kind = type(argument.__self__)
            may_be = argument in _CHANGEABLE if kind is ModuleType else _KINDS[kind]
            if may_be and is_changeable(argument) and is_of_flow(frame):
                report(f"calls {argument.__qualname__}")
        elif event == "call":
            may_be = frame.f_globals is of_platform or id(frame.f_code) in codes
            if may_be and is_of_flow(frame.f_back):
                report(f"calls {frame.f_code.co_name}")

    sys.setprofile(profile)


@contextmanager
def unwatched_calls() -> Iterator[None]:
    """Watch no calls in the block, which runs nothing of a flow: watching takes longer than most calls."""
    watching = sys.getprofile()
    sys.setprofile(None)
    try:
        yield
    finally:
        sys.setprofile(watching)
