"""`--check-cluster` on the command line, against clusters that lack or refuse something."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.conftest import COMPLETE, Project

GOLDEN = Path(__file__).with_name("golden")
BLOCKED = (
    "\n\nresource Pod/POD was blocked due to the following policies\n\nregistry: spec.containers[0].image is not ours"
)


def cluster(**namespace: Any) -> dict[str, Any]:
    return {"namespaces": {"ml": {**COMPLETE, **namespace}}}


def quota(hard: dict[str, str], used: dict[str, str]) -> dict[str, Any]:
    return cluster(quotas={"compute": {"hard": hard, "used": used}})


def webhook(**more: Any) -> dict[str, Any]:
    return {**cluster(), "webhooks": [{"name": "policy.example", "image": "other/", "message": "no", **more}]}


# What the cluster is like; the golden file of the name holds what is told.
CASES: dict[str, dict[str, Any]] = {
    "no-namespace": {"namespaces": {}},
    "nothing-in-it": {"namespaces": {"ml": {}}},
    "may-not-read": {
        "forbidden": [["get", kind] for kind in ("secrets", "persistentvolumeclaims", "namespaces", "serviceaccounts")],
        "namespaces": {"ml": {}},
    },
    "may-not-read-nor-is-there": {"forbidden": [["get", "namespaces"]], "namespaces": {}},
    "may-not-create": {**cluster(), "forbidden": [["create", "pods"]]},
    "quota-exceeded": quota(
        {"requests.cpu": "5", "requests.ephemeral-storage": "20G", "pods": "3"},
        {"requests.cpu": "2", "requests.ephemeral-storage": "0", "pods": "3"},
    ),
    "quota-of-limits": quota({"limits.cpu": "5", "limits.memory": "2G"}, {}),
    "limit-range": cluster(limits={"maximum": {"cpu": "2", "memory": "1Gi"}}),
    "pod-security": cluster(pod_security="restricted"),
    "webhook": webhook(),
    "webhook-names-a-field": webhook(message=BLOCKED),
    "webhook-without-dry-run": webhook(dry_run=False),
    "webhook-fails": webhook(code=500),
    "server-is-busy": webhook(code=503),
    "wrong-credentials": {**cluster(), "token": "another"},
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_told(case: str, project: Project, request: pytest.FixtureRequest) -> None:
    project.kubernetes.become(CASES[case])
    code, out, err = project.plan("--check-cluster")
    golden = GOLDEN / f"{case}.txt"
    if request.config.getoption("--rewrite"):
        golden.write_text(err)
    assert err == golden.read_text()
    assert code == int(" error: " in err)
    assert bool(out) == (code == 0)
    assert project.kubernetes.recorded()["pods"] == []


def test_a_cluster_that_takes_all_pods_is_asked_once_for_each(project: Project) -> None:
    code, out, err = project.plan("--check-cluster")
    assert (code, err) == (0, "")
    assert out.endswith("Plan: 2 to create, 0 to update, 0 to delete; 0 unchanged.\n")
    seen = project.kubernetes.recorded()
    # fit has more of everything, and train's other steps are alike; score's two are not.
    tasks = sorted(pod["metadata"]["labels"]["task_id"] for pod in seen["dry_runs"])
    assert tasks == ["end", "fit", "start", "start"]
    assert sorted(seen["lookups"]) == [
        "ml/persistentvolumeclaims/models",
        *(f"ml/secrets/{name}" for name in ("common-keys", "registry", "score-keys", "train-keys")),
        "ml/serviceaccounts/metaflow",
        "namespaces/ml",
    ]
    assert (seen["pods"], seen["refused"]) == ([], [])
    assert not (project.folder.parent / "home").exists()


def test_without_the_option_nobody_asks(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.kubernetes.become({"namespaces": {}})
    assert project.plan()[0] == 0
    seen = project.kubernetes.recorded()
    assert (seen["dry_runs"], seen["lookups"]) == ([], [])


def test_a_manifest_can_ask_for_the_check(project: Project) -> None:
    project.edit("      context: test\n", "      context: test\n      check: true\n")
    project.kubernetes.become({"namespaces": {}})
    code, _, err = project.plan()
    assert code == 1
    assert err.startswith("mfdeploy.yaml:21:18: error: environments.prod.kubernetes.namespace: no namespace 'ml'")
    assert project.plan("--no-check-cluster")[0] == 0


def test_the_check_changes_no_dag(project: Project) -> None:
    def changes() -> Any:
        # The lines of settings move with those that are put in above them.
        planned = re.sub(r"(?<=mfdeploy\.yaml):\d+", "", project.plan("--format", "json")[1])
        return json.loads(planned)["changes"]

    plain = changes()
    project.edit("      context: test\n", "      context: test\n      check: true\n      check_context: test\n")
    assert changes() == plain


def test_only_selected_flows_are_asked_about(project: Project) -> None:
    project.kubernetes.become({"namespaces": {"ml": {}}})
    _, _, err = project.plan("--check-cluster", "--flow", "score")
    assert "score-keys" in err
    assert "train" not in err


def test_apply_is_refused_too_and_publishes_nothing(project: Project) -> None:
    project.kubernetes.become({"namespaces": {}})
    code, out, err = project.mfdeploy("apply", "-m", ".", "--env", "prod", "--yes", "--check-cluster")
    assert (code, out) == (1, "")
    assert "no namespace 'ml'" in err
    assert not (project.folder / "build").exists()


def test_a_saved_plan_is_checked_again(project: Project) -> None:
    assert project.plan("--check-cluster", "--out", "plan.json")[0] == 0
    project.kubernetes.become({"namespaces": {}})
    code, _, err = project.mfdeploy("apply", "plan.json", "-m", ".", "--check-cluster")
    assert (code, "no namespace 'ml'" in err) == (1, True)


def test_a_refusal_in_json(project: Project) -> None:
    project.kubernetes.become({"namespaces": {}})
    code, out, err = project.plan("--check-cluster", "--format", "json")
    (problem,) = json.loads(out)["diagnostics"]
    assert (code, err) == (1, "")
    assert (problem["code"], problem["severity"], problem["file"]) == ("missing-namespace", "error", "mfdeploy.yaml")
    assert (problem["line"], problem["column"]) == (20, 18)
    assert problem["path"] == "environments.prod.kubernetes.namespace"


class TestLines:
    """The line that decides a value, whatever layer it is in."""

    ACCOUNT = "no service account 'other' in the namespace 'ml'"

    def told(self, project: Project) -> list[str]:
        _, _, err = project.plan("--check-cluster", "--flow", "train")
        return [line.split(": no ")[0] for line in err.splitlines() if self.ACCOUNT in line]

    @pytest.mark.parametrize(
        ("old", "new", "place"),
        [
            (
                "defaults:\n  kubernetes: {memory: 2000}",
                "defaults:\n  kubernetes: {service_account: other}",
                "mfdeploy.yaml:5:33: error: defaults.kubernetes.service_account",
            ),
            (
                "    file: flows/train.py\n",
                "    file: flows/train.py\n    kubernetes: {service_account: other}\n",
                "mfdeploy.yaml:27:35: error: flows.train.kubernetes.service_account",
            ),
            (
                "        cpu: 4\n",
                "        service_account: other\n",
                "mfdeploy.yaml:29:26: error: flows.train.steps.fit.service_account",
            ),
            (
                "        kubernetes:\n          persistent",
                "        kubernetes:\n          service_account: other\n          persistent",
                "mfdeploy.yaml:34:28: error: flows.train.overrides.prod.kubernetes.service_account",
            ),
            (
                "      METAFLOW_KUBERNETES_SECRETS: common-keys\n",
                "      METAFLOW_KUBERNETES_SERVICE_ACCOUNT: other\n",
                "mfdeploy.yaml:17:44: error: environments.prod.metaflow.METAFLOW_KUBERNETES_SERVICE_ACCOUNT",
            ),
        ],
    )
    def test_of_a_manifest(self, old: str, new: str, place: str, project: Project) -> None:
        if "METAFLOW" in new or "defaults" in new:  # else the environment is stronger
            project.edit("      service_account: metaflow\n", "")
        project.edit(old, new)
        assert self.told(project) == [place]

    def test_of_the_flow(self, project: Project) -> None:
        project.edit("      service_account: metaflow\n", "")
        project.edit("import FlowSpec, step", "import FlowSpec, kubernetes, step", "flows/train.py")
        project.edit(
            "    @step\n    def fit",
            '    @kubernetes(service_account="other")\n    @step\n    def fit',
            "flows/train.py",
        )
        (place,) = self.told(project)
        number = int(place.split(":")[1])
        assert place.startswith("flows/train.py:")
        assert "def fit" in "".join(
            (project.folder / "flows/train.py").read_text().splitlines()[number - 1 : number + 2]
        )


class TestInvalid:
    """What the server's validation says of a field leads to the setting that decides it."""

    @pytest.mark.parametrize(
        ("old", "new", "place"),
        [
            (
                "        cpu: 4\n",
                "        shared_memory: 64\n        tmpfs_path: /dev/shm\n        tmpfs_size: 64\n",
                "steps.fit.shared_memory",
            ),
        ],
    )
    def test_fields(self, old: str, new: str, place: str, project: Project) -> None:
        project.kubernetes.become(cluster(persistentvolumeclaims=["models"]))
        project.edit(old, new)
        code, _, err = project.plan("--check-cluster", "--flow", "train")
        assert code == 1
        assert f"error: flows.train.{place}: the cluster refuses spec." in err.splitlines()[0]


class TestAccess:
    def config(self, project: Project, **changes: Any) -> Path:
        """A kubeconfig that differs from the right one."""
        content = yaml.safe_load(project.kubernetes.kubeconfig.read_text())
        path = project.folder.parent / "kubeconfig"
        path.write_text(yaml.safe_dump({**content, **changes}))
        return path

    def told(self, project: Project) -> str:
        code, _, err = project.plan("--check-cluster")
        assert code == 1
        assert err.endswith("\n1 error\n")
        assert "Traceback" not in err
        return err.splitlines()[0]

    def test_no_kubeconfig(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("KUBECONFIG")
        assert self.told(project) == (
            "mfdeploy.yaml:18:5: error: environments.prod.kubernetes: the check failed: found no kubeconfig on this"
            " machine (KUBECONFIG, ~/.kube/config); set KUBECONFIG; --no-check-cluster skips the check"
        )

    def test_the_one_of_the_home_folder(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("KUBECONFIG")
        own = project.folder.parent / "home" / ".kube" / "config"
        own.parent.mkdir(parents=True)
        own.write_bytes(project.kubernetes.kubeconfig.read_bytes())
        assert project.plan("--check-cluster")[0] == 0

    def test_the_one_of_the_manifest_where_it_is_here(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("KUBECONFIG")
        project.edit("      context: test\n", f"      kubeconfig: {project.kubernetes.kubeconfig}\n")
        assert project.plan("--check-cluster")[0] == 0
        assert project.kubernetes.recorded()["dry_runs"]

    def test_kubeconfig_that_is_not_there(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KUBECONFIG", "/no/such/file")
        assert "KUBECONFIG is '/no/such/file', but no such file exists" in self.told(project)

    def test_a_kubeconfig_that_is_none(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        path = project.folder.parent / "kubeconfig"
        path.write_text("clusters: [\n")
        monkeypatch.setenv("KUBECONFIG", str(path))
        assert "the kubeconfig TMP/kubeconfig cannot be used: " in self.told(project)

    def test_an_unknown_context(self, project: Project) -> None:
        project.edit("context: test", "context: tset")
        line = self.told(project)
        assert line.startswith(
            "mfdeploy.yaml:19:16: error: environments.prod.kubernetes.context: the check failed: no context"
        )
        assert line.endswith("; its contexts: test; --no-check-cluster skips the check")

    def test_a_context_of_the_check_alone(self, project: Project) -> None:
        project.edit("      context: test\n", "      in_cluster: true\n      check_context: test\n")
        assert project.plan("--check-cluster")[0] == 0
        project.edit("check_context: test", "check_context: other")
        assert "environments.prod.kubernetes.check_context: the check failed: no context 'other'" in self.told(project)

    def test_a_context_of_the_environment_is_used_and_never_shown(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project.edit("      context: test\n", "      in_cluster: true\n      check_context: ${env.MY_CLUSTER}\n")
        unset = self.told(project)
        assert unset == (
            "mfdeploy.yaml:20:22: error: environments.prod.kubernetes.check_context: the environment variable"
            " MY_CLUSTER is not set; set it, or skip the check with --no-check-cluster"
        )
        assert project.plan("--no-check-cluster")[0] == 0
        monkeypatch.setenv("MY_CLUSTER", "other-cluster")
        said = self.told(project)
        assert "the check failed: no context '${env.MY_CLUSTER}' in the kubeconfig" in said
        assert "other-cluster" not in said
        monkeypatch.setenv("MY_CLUSTER", "test")
        assert project.plan("--check-cluster")[0] == 0

    def test_nothing_listens(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            path = self.config(project, clusters=[{"name": "test", "cluster": {"server": url}}])
            monkeypatch.setenv("KUBECONFIG", str(path))
            line = self.told(project)
        assert line == (
            "mfdeploy.yaml:19:16: error: environments.prod.kubernetes.context: the check failed: cannot reach the"
            f" cluster of the context 'test' ({url}): Connection refused; check that this is the right context"
            "; --no-check-cluster skips the check"
        )

    def test_nobody_answers(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()
            url = f"http://127.0.0.1:{server.getsockname()[1]}"
            path = self.config(project, clusters=[{"name": "test", "cluster": {"server": url}}])
            monkeypatch.setenv("KUBECONFIG", str(path))
            monkeypatch.setenv("MFDEPLOY_TIMEOUT", "1.5")
            code, _, err = project.plan("--check-cluster")
        assert code == 1
        waiting, *_ = (line for line in err.splitlines() if line.endswith("(checking pods)."))
        assert waiting == f"Still waiting for the cluster of the context 'test' ({url}) (checking pods)."
        assert (
            "mfdeploy.yaml:19:16: error: environments.prod.kubernetes.context: the check failed: cannot reach the"
            f" cluster of the context 'test' ({url}): no response within 0.5 seconds; check that this is the right"
            " context; MFDEPLOY_TIMEOUT sets how many seconds to wait for an answer; --no-check-cluster"
        ) in err

    def test_a_program_that_gives_no_credentials(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        command = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh",
            "args": ["-c", "echo log in >&2; exit 1"],
        }
        path = self.config(project, users=[{"name": "nobody", "user": {"exec": command}}])
        monkeypatch.setenv("KUBECONFIG", str(path))
        code, _, err = project.plan("--check-cluster")
        assert code == 1
        (line,) = re.findall(r"no credentials for .*", err)
        message, _, hint = line.partition("; ")
        assert message == "no credentials for the context 'test': exec: process returned 1. log in"
        assert hint == "log in again; --no-check-cluster skips the check"

    def test_a_token_is_sent(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        project.kubernetes.become({**cluster(), "token": "right"})
        path = self.config(project, users=[{"name": "nobody", "user": {"token": "right"}}])
        monkeypatch.setenv("KUBECONFIG", str(path))
        assert project.plan("--check-cluster")[0] == 0


class TestWithoutPods:
    def test_alone_it_is_refused(self, project: Project) -> None:
        code, out, err = project.plan("--check-cluster", "--flow", "train", env="local")
        assert (code, out) == (1, "")
        assert err == (
            "mfdeploy.yaml:9:14: error: environments.local.compute: --check-cluster has nothing to check: an"
            " environment with `compute: local` has no pods; remove --check-cluster, or select an environment with"
            " `compute: kubernetes`\n1 error\n"
        )

    def test_beside_another_it_is_a_warning(self, project: Project) -> None:
        code, _, err = project.mfdeploy(
            "plan", "-m", ".", "--check-cluster", "--flow", "train", "--env", "local", "--env", "prod"
        )
        assert code == 0
        assert err.splitlines()[0].startswith(
            "mfdeploy.yaml:9:14: warning: environments.local.compute: --check-cluster"
        )

    def test_a_manifest_that_asks_for_it_anyway_is_told(self, project: Project) -> None:
        project.edit(
            "    datastore: build/metaflow\n", "    datastore: build/metaflow\n    kubernetes: {check: true}\n"
        )
        code, _, err = project.plan(env="local")
        assert code == 0
        assert "environments.local.kubernetes: nothing reads these settings" in err
