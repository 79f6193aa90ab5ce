"""The part of the Kubernetes API that Airflow's KubernetesPodOperator uses; each pod's base container is a process.

``python -m tests.kubernetes.server CONFIG.json`` with ``{"folder", "python", "secrets"}``: writes the port that it got
to ``FOLDER/port`` and serves until SIGTERM, which ends every process that is left. The image of a container is ignored:
its process has `python` in front of its search path. `GET /recorded` gives what was asked for and what became of it.
`PUT /state` says what is in the cluster and what it refuses (see `admission`); at first it has everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.kubernetes import admission, expressions
from tests.kubernetes.containers import first_child, image_of, prepared, termination_message

# What a container has between SIGTERM and SIGKILL. Process 1 without a handler ignores the first.
GRACE = 2.0
# The kubelet's word for a container that was killed.
KILLED = 137


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Pod:
    """A pod, its process, and what both of them were."""

    def __init__(self, manifest: dict[str, Any], folder: Path) -> None:
        self.manifest = json.loads(json.dumps(manifest))  # what is served, and patched
        self.asked = manifest
        self.folder = folder
        self.started = now()
        self.finished: str | None = None
        self.exit_code: int | None = None
        self.message = ""
        self.deleted = False
        self.lines: list[tuple[str, bytes]] = []
        self.changed = asyncio.Event()
        self.process: asyncio.subprocess.Process | None = None
        self.isolated = False

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @property
    def phase(self) -> str:
        if self.exit_code is None:
            return "Running"
        return "Failed" if self.exit_code else "Succeeded"

    def seen(self) -> dict[str, Any]:
        """The pod as the API shows it: the container's end and the phase change in one."""
        status = {
            "phase": self.phase,
            "hostIP": "127.0.0.1",
            "startTime": self.started,
            "conditions": [{"type": kind, "status": "True"} for kind in ("Initialized", "PodScheduled", "Ready")],
            "containerStatuses": [self._container_status()],
        }
        return {**self.manifest, "status": status}

    def _container_status(self) -> dict[str, Any]:
        (container,) = self.manifest["spec"]["containers"]
        code = self.exit_code
        state: dict[str, Any] = {"running": {"startedAt": self.started}}
        if code is not None:
            ended = {"exitCode": code, "reason": "Error" if code else "Completed", "finishedAt": self.finished}
            state = {"terminated": {**ended, **({"message": self.message} if self.message else {})}}
        ids = {"name": container["name"], "image": container["image"], "imageID": f"test://{container['image']}"}
        return {**ids, "ready": code is None, "restartCount": 0, "started": True, "state": state}

    def tell(self) -> None:
        """Wakes all who wait for a line or for the end."""
        self.changed.set()
        self.changed = asyncio.Event()

    def record(self) -> dict[str, Any]:
        log = b"".join(line for _, line in self.lines).decode(errors="replace")
        return {"manifest": self.asked, "exit_code": self.exit_code, "deleted": self.deleted, "log": log}


class Cluster:
    """All pods that were ever made, by namespace and name."""

    def __init__(self, folder: Path, image: dict[str, str], secrets: dict[str, Any]) -> None:
        self.folder = folder
        self.image = image
        self.secrets = secrets
        self.pods: dict[tuple[str, str], Pod] = {}
        self.gone: list[Pod] = []
        self.refused: list[str] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.state: dict[str, Any] | None = None
        self.dry_runs: list[dict[str, Any]] = []
        self.lookups: list[str] = []

    def routes(self) -> web.Application:
        app = web.Application(client_max_size=64 * 2**20, middlewares=[refusing])
        pods = "/api/v1/namespaces/{namespace}/pods"
        app.router.add_get("/recorded", self.recorded)
        app.router.add_put("/state", self.become)
        app.router.add_get("/api/v1/{resource:namespaces}/{name}", self.look_up)
        kinds = "serviceaccounts|secrets|configmaps|persistentvolumeclaims"
        app.router.add_get(f"/api/v1/namespaces/{{namespace}}/{{resource:{kinds}}}/{{name}}", self.look_up)
        app.router.add_get(pods, self.list_pods)
        app.router.add_post(pods, self.create)
        app.router.add_get(f"{pods}/{{name}}", self.read)
        app.router.add_patch(f"{pods}/{{name}}", self.change)
        app.router.add_delete(f"{pods}/{{name}}", self.delete)
        app.router.add_get(f"{pods}/{{name}}/log", self.log)
        app.router.add_get("/api/v1/namespaces/{namespace}/events", self.events)
        app.on_shutdown.append(self.end_all)
        return app

    async def recorded(self, request: web.Request) -> web.Response:
        pods = [*self.gone, *self.pods.values()]
        pods.sort(key=lambda pod: pod.started)
        asked = {"dry_runs": self.dry_runs, "lookups": self.lookups}
        return web.json_response({"refused": self.refused, "pods": [pod.record() for pod in pods], **asked})

    async def become(self, request: web.Request) -> web.Response:
        """Another cluster: what it was asked before is forgotten."""
        self.state = await request.json()
        self.dry_runs, self.lookups = [], []
        return web.json_response({})

    async def look_up(self, request: web.Request) -> web.Response:
        """The metadata of something, which is all that the client may want to know of it."""
        resource, name = request.match_info["resource"], request.match_info["name"]
        namespace = request.match_info.get("namespace", "")
        self.lookups.append("/".join(filter(None, (namespace, resource, name))))
        admission.authorize(self.state, token_of(request), "get", resource, namespace)
        admission.read(self.state, resource, namespace, name)
        if "as=PartialObjectMetadata" not in request.headers.get("Accept", ""):
            raise admission.Refused(400, f"{resource} {name!r} was asked for with all that is in it")
        found = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": name}}
        return web.json_response(found)

    async def list_pods(self, request: web.Request) -> web.Response:
        selector = request.query.get("labelSelector", "")
        if "fieldSelector" in request.query:
            return failure(400, "field selectors are not known here")
        found = [
            pod.seen()
            for (namespace, _), pod in self.pods.items()
            if namespace == request.match_info["namespace"]
            and expressions.matches(selector, pod.manifest["metadata"].get("labels", {}))
        ]
        return web.json_response({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": found})

    async def create(self, request: web.Request) -> web.Response:
        manifest = await request.json()
        key = (request.match_info["namespace"], manifest["metadata"].get("name", ""))
        dry_run = request.query.get("dryRun") == "All"
        if dry_run:
            self.dry_runs.append(manifest)
        admission.authorize(self.state, token_of(request), "create", "pods", key[0])
        asked = {**manifest, "metadata": {**manifest["metadata"], "namespace": key[0]}}
        try:
            admission.admit(self.state, asked, dry_run)
        except admission.Refused as refused:
            if not dry_run:
                self.refused.append(f"{key[1]}: {refused.message}")
            raise
        if dry_run:
            return web.json_response(asked, status=201)
        try:
            if key in self.pods:
                raise LookupError(f"there is a pod {key[1]!r}")
            pod = Pod(manifest, self.folder / f"{len(self.pods) + len(self.gone)}-{key[1]}")
            pod.manifest["metadata"].update(
                namespace=key[0], uid=str(uuid.uuid4()), creationTimestamp=now(), resourceVersion="1"
            )
            pod.manifest["spec"].setdefault("serviceAccountName", "default")
            await self.start(pod)
        except (LookupError, OSError) as error:
            self.refused.append(f"{key[1]}: {error!r}")
            return failure(400, repr(error))
        self.pods[key] = pod
        return web.json_response(pod.seen(), status=201)

    async def start(self, pod: Pod) -> None:
        container = prepared(pod.seen(), pod.folder, self.image, self.secrets)
        pod.isolated = container.isolated
        pod.process = await asyncio.create_subprocess_exec(
            *container.command,
            env=dict(container.environment),
            cwd=container.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=64 * 2**20,
            start_new_session=True,
        )
        task = asyncio.create_task(self.follow(pod))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def follow(self, pod: Pod) -> None:
        """Keeps what the process says, and how it ended."""
        process = pod.process
        assert process is not None and process.stdout is not None
        async for line in process.stdout:
            pod.lines.append((now(), line))
            pod.tell()
        code = await process.wait()
        pod.finished = now()
        exit_code = KILLED if code < 0 else code
        pod.message = termination_message(pod.manifest, pod.folder, exit_code, [line for _, line in pod.lines])
        pod.exit_code = exit_code
        shutil.rmtree(pod.folder / "work", ignore_errors=True)
        pod.tell()

    async def read(self, request: web.Request) -> web.Response:
        pod = self.find(request)
        return web.json_response(pod.seen()) if pod else missing(request)

    async def change(self, request: web.Request) -> web.Response:
        pod = self.find(request)
        if pod is None:
            return missing(request)
        expressions.patch(pod.manifest, await request.json())
        return web.json_response(pod.seen())

    async def delete(self, request: web.Request) -> web.Response:
        pod = self.find(request)
        if pod is None:
            return missing(request)
        answer = pod.seen()
        pod.deleted = True
        self.gone.append(self.pods.pop((request.match_info["namespace"], pod.name)))
        task = asyncio.create_task(end(pod, GRACE))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return web.json_response(answer)

    async def log(self, request: web.Request) -> web.StreamResponse:
        pod = self.find(request)
        if pod is None:
            return missing(request)
        follows = request.query.get("follow", "").lower() == "true"
        stamped = request.query.get("timestamps", "").lower() == "true"
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        sent = 0
        while True:
            changed = pod.changed
            for stamp, line in pod.lines[sent:]:
                await response.write((stamp.encode() + b" " if stamped else b"") + line)
                sent += 1
            if sent == len(pod.lines) and (pod.exit_code is not None or not follows):
                break
            if sent == len(pod.lines):
                await changed.wait()
        await response.write_eof()
        return response

    async def events(self, request: web.Request) -> web.Response:
        return web.json_response({"kind": "EventList", "apiVersion": "v1", "metadata": {}, "items": []})

    def find(self, request: web.Request) -> Pod | None:
        return self.pods.get((request.match_info["namespace"], request.match_info["name"]))

    async def end_all(self, _: web.Application) -> None:
        await asyncio.gather(*(end(pod, 0) for pod in (*self.gone, *self.pods.values())))


async def end(pod: Pod, grace: float) -> None:
    """SIGTERM for process 1 of the container, then SIGKILL for all of it."""
    process = pod.process
    if process is None or process.returncode is not None:
        return
    first = first_child(process.pid) if pod.isolated else process.pid
    if first is not None and grace:
        with contextlib.suppress(ProcessLookupError):
            os.kill(first, signal.SIGTERM)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), grace)
    # With process 1 ends all of its namespace; without one, what is left of the process group.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


@web.middleware
async def refusing(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        answer: web.StreamResponse = await handler(request)
    except admission.Refused as refused:
        return web.json_response(refused.status(), status=refused.code)
    return answer


def token_of(request: web.Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def failure(code: int, message: str) -> web.Response:
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    reason = {404: "NotFound"}.get(code, "BadRequest")
    return web.json_response({**status, "reason": reason, "code": code}, status=code)


def missing(request: web.Request) -> web.Response:
    return failure(404, f"pods {request.match_info['name']!r} not found")


async def serve(config: dict[str, Any]) -> None:
    folder = Path(config["folder"])
    cluster = Cluster(folder / "pods", image_of(Path(config["python"])), config["secrets"])
    runner = web.AppRunner(cluster.routes(), shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    partial = folder / "port.new"
    partial.write_text(str(port))
    partial.rename(folder / "port")
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text())))
