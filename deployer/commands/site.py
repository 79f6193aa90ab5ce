"""mfdeploy site: the catalogue of all deployments, for people who do not read YAML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic
from deployer.models.selection import Selection
from deployer.models.site import Site
from deployer.pipeline.build import build_during
from deployer.pipeline.selecting import refuse_unmatched
from deployer.pipeline.site import gather_site
from deployer.state.survey import Survey


@dataclass(frozen=True)
class SiteResult:
    """The catalogue, and everything that is wrong with what is in it."""

    site: Site
    diagnostics: Sequence[Diagnostic]


def site(
    selection: Selection, context: Context, *, at: datetime | None = None, all_projects: bool = False
) -> SiteResult:
    """The catalogue of a selection. Writes nothing.

    A flow that is broken is in it, too. `at` (aware; default: now) is the time after which runs are the next ones.
    With `all_projects` what other manifest projects have at the targets is in it, too. Raises DeployError for
    problems of the manifests and of the targets.
    """
    manifests = context.load(selection)
    names = selection.environments or sorted(manifests.environments)
    environments = [manifests.environments[name] for name in names]
    survey = Survey(environments, context.connect, manifests.addresses, branches=manifests.branches)
    desired = build_during(survey, manifests, selection, context, use_cache=True)
    if survey.result is None:
        raise DeployError(survey.problems)
    refuse_unmatched(selection, {*manifests.addresses, *survey.result.addresses})
    found, warnings = gather_site(
        selection, desired, survey.result, context, at or context.now(), all_projects=all_projects
    )
    return SiteResult(found, [*desired.diagnostics, *warnings])
