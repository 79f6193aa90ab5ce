"""An S3 for tests: moto's server, which speaks the real protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock, Thread
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

BUCKET = "metaflow-of-tests"
# The variables of a process that may use it.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing-secret-key",
    "AWS_DEFAULT_REGION": "us-east-1",
}


Around = Callable[[Mapping[str, Any]], AbstractContextManager[object]]
"""Entered before a request (its WSGI environment) is carried out, and left when its answer is known."""


@contextmanager
def s3_server(bucket: str = BUCKET, around: Around = nullcontext) -> Iterator[str]:
    """The URL of an S3 server that has the bucket. `around` each request a test may count, wait or do something."""
    application, writing = DomainDispatcherApplication(create_backend_app), Lock()

    def answer(environ: Any, start_response: Any) -> Iterable[bytes]:
        """Moto looks at the condition of a write, and then writes: of two threads both may find it fulfilled."""
        with around(environ), nullcontext() if environ["REQUEST_METHOD"] == "GET" else writing:
            return list(application(environ, start_response))

    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=MotoRequestHandler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    client(url).create_bucket(Bucket=bucket)
    try:
        yield url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def client(url: str) -> Any:
    """A client of it, whatever the variables of this process say."""
    key, secret, region = CREDENTIALS.values()
    session = boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name=region)
    return session.client("s3", endpoint_url=url)
