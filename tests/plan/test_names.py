"""Deployments whose DAGs would be one file at their target."""

from __future__ import annotations

from deployer.pipeline.check import check_names

from .made import deployment, desired


def messages(*names: str) -> list[str]:
    items = [desired(deployment(f"flow{number}"), name=name) for number, name in enumerate(names)]
    return list(dict.fromkeys(problem.message for _, problem in check_names(items)))


def test_names_are_told_apart_without_their_case() -> None:
    assert messages("TrainFlow", "Trainflow2") == []
    assert messages("TrainFlow", "TrainFlow") == ["prod/flow0 and prod/flow1 have the same DAG id 'TrainFlow'"]
    (message,) = messages("TrainFlow", "trainflow")
    assert message == (
        "prod/flow0 and prod/flow1 have DAG ids 'TrainFlow' and 'trainflow', which differ in case only: "
        "their files would be one on some disks"
    )
