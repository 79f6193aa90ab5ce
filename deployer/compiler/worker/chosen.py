"""Chooses the files of a flow's code package as `package:` in the manifest says.

`only: imports` leaves the modules that the flow imports, directly and through others; `include` adds files, and
`exclude` takes files away. What decorators and environments add stays in any case.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from ..protocol import Job, Problem
from .code import below_code_folder, is_dag_file, user_files
from .imports import Import, imports_of
from .metaflow_compat import CodePackage, user_files_below
from .outside import shown
from .own_code import Opened
from .patterns import files_matching, matches
from .problems import FlowError
from .reached import Search

Place = tuple[str, int]
"""A file, and the line of an import in it; 0 if no statement was found."""


@dataclass(frozen=True)
class Chosen:
    """A package with the files that were chosen, and warnings of patterns and files."""

    package: CodePackage
    warnings: tuple[Problem, ...] = ()


def choose_files(job: Job, package: CodePackage, opened: Opened | None = None) -> Chosen:
    """The package as the job's `package` setting has it. The flow is loaded. Raises FlowError.

    `opened` is what was opened while it was.
    """
    if not job.package:
        return Chosen(package)
    _check_suffixes(job)
    chooser = _Chooser(job, package)
    chosen = replace(package, user_files=chooser.files(), optional=package.optional - chooser.included.keys())
    return Chosen(chosen, (*chooser.unmatched(), *_left_out_files(job, package, chosen, opened)))


def files_of_patterns(job: Job, excluded: Sequence[str]) -> dict[str, str]:
    """Path -> file of what decides a choice beside the files that Metaflow finds, which are in no `excluded` folder."""
    folder = str(job.path.parent)
    compiled = _compiled_modules(folder, excluded) if job.package.get("only") else {}
    return {**_included(job), **compiled}


def _included(job: Job) -> dict[str, str]:
    """Path -> file of what `include` names below the flow's folder."""
    found = files_matching(str(job.path.parent), _patterns(job, "include"))
    return {path: file for path, file in found if not is_dag_file(file)}


def _compiled_modules(folder: str, excluded: Sequence[str]) -> dict[str, str]:
    return {path: file for file, path in user_files_below(folder, tuple(EXTENSION_SUFFIXES), tuple(excluded))}


def _patterns(job: Job, key: str) -> list[str]:
    patterns = job.package.get(key) or ()
    return [str(pattern) for pattern in patterns] if isinstance(patterns, (list, tuple)) else []


def _check_suffixes(job: Job) -> None:
    if job.package.get("only") and job.package_suffixes:
        message = "package_suffixes has no effect beside `package: {only: imports}`"
        hint = "name the files in package.include, as in '**/*.csv', and write package_suffixes: []"
        raise FlowError(Problem("unsupported", message, setting="package_suffixes", hint=hint))


class _Chooser:
    """Finds what one job packages."""

    def __init__(self, job: Job, package: CodePackage) -> None:
        self._job = job
        self._package = package
        self._folder = str(job.path.parent)
        self._found = user_files(package)
        self._imported: dict[str, Place] = {}
        self.included = self._files_of_include()
        self._read_imports()

    def files(self) -> dict[str, str]:
        """Path in the package -> file. Raises FlowError for a pattern that takes away what the flow needs."""
        kept = {**self._kept(), **self.included}
        removed = {path for path in kept if self._excluded_by(path)}
        problems = [self._needed(path) for path in sorted(removed) if self._is_needed(path)]
        if problems:
            raise FlowError(*problems)
        return {path: kept[path] for path in sorted(kept) if path not in removed}

    def unmatched(self) -> Iterator[Problem]:
        """A warning for each pattern that stands for nothing."""
        paths = [self._below(path) for path in {**self._found, **self.included}]
        for key in ("include", "exclude"):
            for pattern in _patterns(self._job, key):
                if not any(matches(pattern, path) for path in paths):
                    message = f"package.{key}: no file matches {pattern!r}"
                    hint = "patterns start at the flow's folder: *.sql is in it, **/*.sql anywhere below it"
                    yield Problem("no-match", message, setting=f"package.{key}", hint=hint, severity="warning")

    def _kept(self) -> dict[str, str]:
        if not self._job.package.get("only"):
            return self._found
        kept = {
            path: file
            for path, file in self._found.items()
            if path not in self._package.optional or file == self._job.file or self._below(path) in self._imported
        }
        compiled = _compiled_modules(self._folder, self._package.excluded)
        return {**{path: file for path, file in compiled.items() if path in self._imported}, **kept}

    def _read_imports(self) -> None:
        packaged = below_code_folder(self._package)
        if self._job.package.get("only"):
            packaged = {**_compiled_modules(self._folder, self._package.excluded), **packaged}
        search = Search(self._job, {**self.included, **packaged})

        def scan(file: str, package: str) -> Iterator[Import]:
            # A task starts the flow's file, and imports the others.
            return imports_of(file, package, is_started=file == self._job.file)

        for each in search.reached(scan, loaded=True):
            if each.path and not self._imported.get(each.path, ("", 0))[1]:
                self._imported[each.path] = each.file, each.found.line

    def _files_of_include(self) -> dict[str, str]:
        patterns = _patterns(self._job, "include")
        found = _included(self._job)
        for path, file in found.items():
            self._check_inside(path, file)
        modules = self._package.optional - found.keys()
        more = [path for path in modules if any(matches(pattern, self._below(path)) for pattern in patterns)]
        return {**found, **{path: self._found[path] for path in more if path in self._found}}

    def _check_inside(self, path: str, file: str) -> None:
        real, roots = Path(file).resolve(), (Path(self._folder).resolve(), Path(self._job.project))
        if not any(real.is_relative_to(root) for root in roots):
            message = f"package.include: {path} is a link to {real}, which is out of the project"
            raise FlowError(Problem("bad-path", message, setting="package.include"))

    def _below(self, path: str) -> str:
        return path.removeprefix(self._package.code_folder)

    def _excluded_by(self, path: str) -> str:
        """The first pattern that takes a file away; empty if none does."""
        if path in self._found and path not in self._package.optional:
            return ""
        patterns = _patterns(self._job, "exclude")
        return next((pattern for pattern in patterns if matches(pattern, self._below(path))), "")

    def _is_needed(self, path: str) -> bool:
        return self._found.get(path) == self._job.file or self._below(path) in self._imported

    def _needed(self, path: str) -> Problem:
        pattern, name = self._excluded_by(path), self._below(path)
        if self._found.get(path) == self._job.file:
            message = f"package.exclude: {pattern!r} removes {name}, which is the flow's own file"
        else:
            file, line = self._imported[name]
            where = f"is imported at {shown(file, self._job)}:{line}" if line else "the flow imports when it is loaded"
            message = f"package.exclude: {pattern!r} removes {name}, which {where}"
        return Problem("excluded-import", message, setting="package.exclude", hint="narrow the pattern")


def _left_out_files(job: Job, package: CodePackage, chosen: CodePackage, opened: Opened | None) -> Iterator[Problem]:
    """A warning for each file that the flow opens when it is loaded, and that a task will not find any more."""
    left_out = {file: path for path, file in user_files(package).items() if path not in chosen.user_files}
    for file in sorted(opened.among(list(left_out), listed=False) if opened else ()):
        path = left_out[file].removeprefix(package.code_folder)
        message = f"the flow opens {path} when it is loaded, which `package:` leaves out: tasks will not find it"
        yield Problem(
            "not-packaged", message, setting="package", hint=f"add {path} to package.include", severity="warning"
        )
