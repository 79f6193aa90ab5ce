"""What a step sees of its interpreter."""

import faulthandler
import inspect
import json
import os
import signal
import sys
import threading
import warnings

from metaflow import Config, FlowSpec, Parameter, step

number: int = 3
ON_IMPORT = {"argv": sys.argv[:], "path": sys.path[0], "name": __name__}


class Seen:
    pass


def main_module():
    main = sys.modules["__main__"]
    names = ("__name__", "__doc__", "__package__", "__spec__", "__cached__", "__annotations__")
    return {
        **{name: str(getattr(main, name, "missing")) for name in names},
        "__loader__": [type(main.__loader__).__name__, main.__loader__.path == __file__],
        "__builtins__": main.__builtins__ is sys.modules["builtins"],
        "__file__": [os.path.isabs(__file__), os.path.basename(__file__)],
        "__mp_main__": sys.modules["__mp_main__"] is main,
        "source": inspect.getsource(Seen),
        "frame": os.path.isabs(sys._getframe().f_code.co_filename),
    }


def process():
    return {
        "signals": {str(number): str(signal.getsignal(number)) for number in signal.valid_signals()},
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "timer": signal.getitimer(signal.ITIMER_REAL),
        "faulthandler": faulthandler.is_enabled(),
        "hooks": [hook.__name__ for hook in (sys.excepthook, sys.unraisablehook, threading.excepthook)],
        "tracing": [sys.gettrace(), sys.getprofile()],
        "warnings": [sys.warnoptions, len(warnings.filters)],
        "flags": [sys.flags.optimize, sys.flags.dev_mode, sys.flags.isolated, sys._xoptions],
        "limits": [sys.getrecursionlimit(), sys.getswitchinterval(), os.nice(0), os.umask(os.umask(0o22))],
        "threads": [thread.name for thread in threading.enumerate()],
        "files": [number for number in range(3, 64) if os.path.exists(f"/proc/self/fd/{number}")],
        "output": [[stream.line_buffering, stream.write_through] for stream in (sys.stdout, sys.stderr)],
        "leads": [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()],
    }


def arguments():
    command = sys.argv.index("step")
    return {
        "step": sys.argv[command : command + 2],
        "original": sys.orig_argv[-len(sys.argv) :] == sys.argv,
        "on import": ON_IMPORT["argv"] == sys.argv,
        "config": sys.argv[sys.argv.index("--config-value") :][:3],
        "path": [sys.path[0] == ON_IMPORT["path"] == os.path.dirname(os.path.realpath(__file__))],
        "decorators": [argument for argument in sys.argv if "--with" in argument],
    }


class SeeingFlow(FlowSpec):
    cfg = Config("cfg", default_value={"a": 1})
    text = Parameter("text", default="given")

    @step
    def start(self):
        self.seen = {"main": main_module(), "process": process(), "arguments": arguments()}
        print(json.dumps(self.seen))
        self.variables = sorted(os.environ)
        # A pipe in which nothing ever comes, in a run of Metaflow itself.
        self.given = sys.stdin.read() if "METAFLOW_RUNTIME_NAME" in os.environ else ""
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SeeingFlow()
