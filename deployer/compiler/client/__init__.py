"""The only room that knows Metaflow: turns a flow's file into a `Flow` and a code package.

Metaflow is never imported here. Helper processes do (see `worker`), one for each interpreter and set of Metaflow
settings, so that the code of a flow never runs in this process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deployer.compiler.client.process import Helpers, Questions, interpreter_of, started
from deployer.compiler.protocol import Mode
from deployer.compiler.versions import NEWEST_TESTED, OLDEST, is_too_old, is_untested, show_version
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.models.deployment import Deployment
from deployer.models.progress import Progress, silent
from deployer.models.waiting import DEFAULT_WAITS, WaitPolicy
from deployer.runtime import runtime_digest

if TYPE_CHECKING:
    from deployer.compiler.early import EarlyHelper
    from deployer.models.flow import Flow, Package

__all__ = [
    "Compiled",
    "Compiler",
    "Packager",
    "build_packages",
    "compile_flows",
    "packaging",
    "runtime_digest",
    "starting",
]


@dataclass(frozen=True)
class Compiled:
    """The flows that compiled, by the address of their deployment, and what is wrong with the others.

    `diagnostics` holds errors (each of a flow that is missing from `flows`) and warnings. `unchanged` are the addresses
    of which nothing has changed since their notes were made: those are not in `flows` either. `inputs` are new notes,
    by address, of the flows whose inputs are known completely. `errors` are the errors of each broken deployment.
    """

    flows: Mapping[str, Flow]
    diagnostics: tuple[Diagnostic, ...]
    unchanged: frozenset[str] = frozenset()
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    errors: Mapping[str, Sequence[Diagnostic]] = field(default_factory=dict)


class Compiler:
    """Describes the flows of deployments. Its helpers start with it (see `starting`) and get their questions later."""

    def __init__(self, helpers: Helpers) -> None:
        self._helpers = helpers

    @property
    def has_begun(self) -> bool:
        """Whether the helpers were asked."""
        return self._helpers.questions.done()

    @property
    def deployments(self) -> Sequence[Deployment]:
        """The deployments that it was started for."""
        return self._helpers.deployments

    def take_over(self, deployments: Sequence[Deployment]) -> bool:
        """Describe these deployments in the place of its own, if that needs no other helpers and it is unused."""
        return self._helpers.take_over(deployments)

    def begin(
        self, progress: Progress, known: Mapping[str, Mapping[str, Any]] | None = None, note_inputs: bool = False
    ) -> None:
        """Send the helpers their questions; may be called once.

        With `note_inputs` the result holds notes of what each description was made from; given back as `known`, by
        address, a flow is not described again while nothing of that has changed.
        """
        self._helpers.ask(Questions(known=known or {}, note_inputs=note_inputs), progress)

    def result(self) -> Compiled:
        """The described flows. A flow that cannot be compiled is a diagnostic, whatever its code does."""
        from deployer.compiler.client import answers  # while the helpers work, which start before

        found = self._helpers.answers()
        flows: dict[str, Flow] = {}
        inputs: dict[str, Mapping[str, Any]] = {}
        of_pythons = dict(_version_problems(self.deployments, found.versions))
        diagnostics = list(of_pythons.values())
        errors: dict[str, Sequence[Diagnostic]] = {}
        for deployment in self.deployments:
            answer = found.by_address[deployment.address]
            own = [*answers.diagnostics(deployment, answer)]
            diagnostics += own
            of_python = of_pythons.get(interpreter_of(deployment))
            own += [of_python] if of_python else []
            if any(each.severity is Severity.ERROR for each in own):
                errors[deployment.address] = [each for each in own if each.severity is Severity.ERROR]
            if answer["flow"] is not None:
                flows[deployment.address] = answers.flow(deployment, answer["flow"])
            if answer["inputs"] is not None:
                inputs[deployment.address] = answer["inputs"]
        unique = dict.fromkeys(diagnostics)
        return Compiled(
            flows,
            tuple(sorted(unique, key=lambda diagnostic: diagnostic.sort_key)),
            frozenset(address for address, answer in found.by_address.items() if answer["unchanged"]),
            inputs,
            errors,
        )


@contextmanager
def starting(
    deployments: Sequence[Deployment], environ: Mapping[str, str], early: EarlyHelper | None = None
) -> Iterator[Compiler]:
    """A compiler of these deployments, whose helpers start now; one may have started `early`. Nothing is written."""
    with started(deployments, "describe", environ, early=early) as helpers:
        yield Compiler(helpers)


def compile_flows(
    deployments: Sequence[Deployment],
    environ: Mapping[str, str],
    progress: Progress = silent,
    *,
    known: Mapping[str, Mapping[str, Any]] | None = None,
    note_inputs: bool = False,
) -> Compiled:
    """Describe the flow of each deployment: `starting`, `begin` and `result` of a Compiler in one."""
    with starting(deployments, environ) as compiler:
        compiler.begin(progress, known, note_inputs)
        return compiler.result()


def do_nothing() -> None:
    """The default of `while_building`."""


def build_packages(
    deployments: Sequence[Deployment],
    environ: Mapping[str, str],
    *,
    upload: bool,
    user: str,
    dag_ids: Mapping[str, str] | None = None,
    tokens: Mapping[str, str] | None = None,
    progress: Progress = silent,
    waits: WaitPolicy = DEFAULT_WAITS,
    while_building: Callable[[], None] = do_nothing,
) -> Mapping[str, Package]:
    """Build the code package of each deployment, by address; store it in its datastore where `upload` says so.

    With `upload` the deploy-time functions are evaluated, for `user`; without, nothing is written or evaluated and
    their values are ``(known at apply)``. The same goes for the production token of each DAG that `dag_ids` names by
    address: with `upload` it is read from the datastore, or put there: the one that `tokens` has of the deployed DAG,
    else a new one. `while_building` is called while the helpers work, and `waits` says for how long datastores
    are waited for. Raises DeployError with the problems of all deployments.
    """
    mode: Mode = "upload" if upload else "package"
    with started(deployments, mode, environ, user, waits) as helpers:
        return _packages(helpers, deployments, Questions(dag_ids or {}, tokens or {}), progress, while_building)


class Packager:
    """Stores the code packages of some of its deployments. Its helpers start with it (see `packaging`)."""

    def __init__(self, helpers: Helpers) -> None:
        self._helpers = helpers

    def take_over(self, deployments: Sequence[Deployment]) -> bool:
        """Serve these deployments in the place of its own, if that needs no other helpers and it is unused."""
        return self._helpers.take_over(deployments)

    def can_store(self, deployments: Sequence[Deployment]) -> bool:
        """Whether it is unused, and was started for these deployments, as they are now."""
        known = {id(each) for each in self._helpers.deployments}
        return not self._helpers.questions.done() and all(id(each) in known for each in deployments)

    def store(
        self,
        deployments: Sequence[Deployment],
        dag_ids: Mapping[str, str],
        tokens: Mapping[str, str],
        progress: Progress,
        while_building: Callable[[], None],
    ) -> Mapping[str, Package]:
        """Build and store the packages of these deployments, as `build_packages` does; may be called once."""
        only = frozenset(each.address for each in deployments)
        return _packages(self._helpers, deployments, Questions(dag_ids, tokens, only=only), progress, while_building)


@contextmanager
def packaging(
    deployments: Sequence[Deployment], environ: Mapping[str, str], user: str, waits: WaitPolicy
) -> Iterator[Packager]:
    """What stores code packages, for `user`, whose helpers start now: for whoever knows later which are needed."""
    with started(deployments, "upload", environ, user, waits) as helpers:
        yield Packager(helpers)


def _packages(
    helpers: Helpers,
    deployments: Sequence[Deployment],
    questions: Questions,
    progress: Progress,
    while_building: Callable[[], None],
) -> Mapping[str, Package]:
    from deployer.compiler.client import answers

    helpers.ask(questions, progress)
    while_building()
    found = helpers.answers()
    problems = list(dict(_version_problems(deployments, found.versions)).values())
    packages: dict[str, Package] = {}
    for deployment in deployments:
        answer = found.by_address[deployment.address]
        problems += answers.diagnostics(deployment, answer)
        if answer["package"] is not None:
            packages[deployment.address] = answers.package(answer["package"])
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        raise DeployError(errors)
    return packages


def _version_problems(
    deployments: Sequence[Deployment], versions: Mapping[str, str]
) -> Iterator[tuple[str, Diagnostic]]:
    """Each interpreter with an unsupported version of Metaflow, and that, at the first deployment that names it."""
    first: dict[str, Deployment] = {}
    for deployment in deployments:
        first.setdefault(interpreter_of(deployment), deployment)
    for python, deployment in first.items():
        version = versions.get(python, "")
        # No setting names mfdeploy's own interpreter.
        location, path = (deployment.source("python"), f"flows.{deployment.name}") if deployment.python else (None, "")
        if is_too_old(version):
            yield (
                python,
                Diagnostic(
                    code="metaflow-too-old",
                    message=f"{python} has Metaflow {version}: mfdeploy needs {show_version(OLDEST)} or newer",
                    hint=f"upgrade it: {python} -m pip install --upgrade metaflow",
                    location=location,
                    path=path,
                ),
            )
        elif is_untested(version):
            tested = f"{show_version(OLDEST)} to {show_version(NEWEST_TESTED)}"
            yield (
                python,
                Diagnostic(
                    code="metaflow-untested",
                    message=f"{python} has Metaflow {version}, which is newer than any that mfdeploy was tested with",
                    hint=f"tested versions: {tested}; if a flow fails to compile, install one of these",
                    severity=Severity.WARNING,
                    location=location,
                    path=path,
                ),
            )
