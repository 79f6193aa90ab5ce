"""The deployments at a target as jobs: what starts which, what is left out and why, and what a plan makes of them."""

from __future__ import annotations

from datetime import datetime, timezone

from deployer.forecasting.jobs import Assumptions, Measured
from deployer.models.desired import Deployed, Desired, NativeDag
from deployer.models.flow import Trigger
from deployer.orchestrators.airflow import AirflowOrchestrator
from deployer.pipeline.load import Deployment, Jobs, deployed, jobs_of, planned
from deployer.pipeline.measured import Facts
from deployer.planning.planner import plan_changes
from tests.plan import made

BEGIN = int(datetime(2026, 3, 2, tzinfo=timezone.utc).timestamp())
DAY = 86_400


def item(name: str, cron: str | None = None, after: tuple[str, ...] = (), events: tuple[str, ...] = ()) -> Desired:
    triggers = [Trigger("run", f"metaflow.{each}.end", line=2) for each in after]
    triggers += [Trigger("event", each, line=2) for each in events]
    flow = made.flow(triggers=tuple(triggers))
    return made.desired(made.deployment(name), flow, name=name, cron=cron)


def jobs(*found: Deployment, facts: Facts | None = None) -> Jobs:
    return jobs_of(found, AirflowOrchestrator(), Assumptions(60, 3), facts, BEGIN, BEGIN + DAY)


def there(*items: Desired, **values: object) -> dict[str, Deployment]:
    return deployed(made.site(*map(made.deployed, items), **values))


def test_schedules_and_ends_of_others_start_runs() -> None:
    items = [item("load", "0 3 * * *"), item("train", after=("load",)), item("report", "0 6 * * *", ("train", "load"))]
    found = jobs(*there(*items).values())
    assert [each.address for each in found.deployments] == ["prod/load", "prod/report", "prod/train"]
    assert [job.after for job in found.jobs] == [(), (0, 2), (0,)]
    # Runs of the two days before may be active still.
    assert [len(job.starts) for job in found.jobs] == [3, 3, 0]


def test_what_starts_nothing_is_left_out_with_the_reason() -> None:
    native = Deployed("old.py", "v1", None, native=NativeDag("old", "Old", "0 0 * * *", {}, ("start", "end"), None))
    items = [
        item("byhand"),
        item("waits", after=("elsewhere",)),
        item("ordered", events=("order",)),
        item("night", "0 1 * * *"),
    ]
    state = made.site(native, *map(made.deployed, items))
    found = jobs(*deployed(state).values(), facts=Facts("http://airflow", paused=frozenset({"night"})))
    assert found.left_out == {
        "old": "by Metaflow's own command: the steps are not known",
        "prod/byhand": "no schedule",
        "prod/night": "paused in Airflow",
        "prod/ordered": "when order comes is not known",
        "prod/waits": "when metaflow.elsewhere.end comes is not known",
    }
    assert found.jobs == []


def test_events_beside_times_do_not_count() -> None:
    (job,) = jobs(*there(item("both", "0 1 * * *", events=("order",))).values()).jobs
    assert (len(job.starts), job.after) == (3, ())


def test_a_circle_that_no_plan_would_allow_has_its_times_alone() -> None:
    items = [item("a", "0 1 * * *", ("b",)), item("b", "0 2 * * *", ("a",))]
    assert [job.after for job in jobs(*there(*items).values()).jobs] == [(), ()]


def test_a_plan_changes_them() -> None:
    before, after = (
        [item("gone", "0 1 * * *"), item("same", "0 2 * * *")],
        [item("same", "0 2 * * *"), item("new", "0 3 * * *")],
    )
    state = made.site(*map(made.deployed, before), known={each.deployment.address for each in after})
    found = planned(deployed(state), plan_changes(after, [state]))
    assert {each.address: each.is_new for each in found.values()} == {"prod/same": False, "prod/new": True}
    later = jobs(*found.values())
    # What is not deployed yet has not run before.
    assert {each.address: len(job.starts) for each, job in zip(later.deployments, later.jobs, strict=True)} == {
        "prod/new": 1,
        "prod/same": 3,
    }


def test_what_runs_showed_is_used() -> None:
    facts = Facts("http://airflow", measured={"night": {"start": Measured(7, 1)}})
    (job,) = jobs(*there(item("night", "0 1 * * *")).values(), facts=facts).jobs
    assert [group.seconds for group in job.groups] == [7, 60]


def test_what_others_own_is_no_part_of_the_manifests() -> None:
    (found,) = there(item("night", "0 1 * * *"), project="another").values()
    assert not found.own
