"""Google Cloud Storage and Azure Blob Storage as Metaflow's datastores see them, each with the sign-in of its cloud."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import trustme
from gcp_storage_emulator.server import create_server

from tests.targets.azurite import azurite, create_container
from tests.targets.wire import Tls, Wire, wire_to

BUCKET = "metaflow-of-tests"
# A port where nothing listens.
_NOWHERE = "127.0.0.1:9"
_YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Store:
    """A running datastore: its URL in a manifest and the settings that go with it, and what leads a process to it.

    `variables` are those of a process that may use it, `strangers` of one that has no account. The `wire` sees every
    request; an `upload` is one with this method whose path holds this text.
    """

    root: str
    settings: Mapping[str, str]
    variables: Mapping[str, str]
    strangers: Mapping[str, str]
    wire: Wire
    upload: tuple[str, str]


@contextmanager
def gs_store(_: Path) -> Iterator[Store]:
    """An emulator of Google's storage, and the metadata service that gives a machine or a pod its account."""
    emulator = create_server("127.0.0.1", 0, in_memory=True, default_bucket=BUCKET)
    emulator.start()
    try:
        port = emulator._api._httpd.server_port
        with wire_to(f"http://127.0.0.1:{port}") as wire, _answering(_metadata) as metadata:
            here = {"STORAGE_EMULATOR_HOST": wire.url, "GCE_METADATA_DETECT_RETRIES": "1"}
            account = {"GCE_METADATA_HOST": metadata, "GCE_METADATA_IP": metadata}
            none = {"GCE_METADATA_HOST": _NOWHERE, "GCE_METADATA_IP": _NOWHERE}
            root = f"gs://{BUCKET}/metaflow"
            yield Store(root, {}, {**here, **account}, {**here, **none}, wire, ("POST", "/upload/"))
    finally:
        emulator.stop()


@contextmanager
def azure_store(folder: Path) -> Iterator[Store]:
    """Azurite, which takes tokens of an account by TLS alone, and the endpoint that gives App Service its account."""
    tls = _certificates(folder)
    options = ("--oauth", "basic", "--cert", str(tls.certificate), "--key", str(tls.key))
    with azurite(*options) as account, _answering(_identity) as identity:
        create_container(account, BUCKET, connection_verify=str(tls.authority))
        url = urlsplit(account)
        with wire_to(f"https://{url.netloc}", tls) as wire:
            here = {"REQUESTS_CA_BUNDLE": str(tls.authority)}
            signed_in = {"IDENTITY_ENDPOINT": f"http://{identity}/token", "IDENTITY_HEADER": "of-tests"}
            settings = {"METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT": f"{wire.url}{url.path}"}
            root = f"azure://{BUCKET}/metaflow"
            # Names the one way to sign in that asks nobody.
            none = {"AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"}
            yield Store(root, settings, {**here, **signed_in}, {**here, **none}, wire, ("PUT", "/metaflow/"))


STORES: Mapping[str, Callable[[Path], AbstractContextManager[Store]]] = {"gs": gs_store, "azure": azure_store}


def _certificates(folder: Path) -> Tls:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    tls = Tls(folder / "authority.pem", folder / "certificate.pem", folder / "key.pem")
    authority.cert_pem.write_to_path(str(tls.authority))
    issued.private_key_pem.write_to_path(str(tls.key))
    for pem in issued.cert_chain_pems:
        pem.write_to_path(str(tls.certificate), append=True)
    return tls


def _metadata(path: str) -> Any:
    """https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys"""
    if path.endswith("/project/project-id"):
        return "project-of-tests"
    if path.endswith("/token"):
        return {"access_token": "of-tests", "expires_in": 3600, "token_type": "Bearer"}
    if path.endswith("/universe-domain"):
        return "googleapis.com"
    return {"email": "tests@project-of-tests.iam.gserviceaccount.com", "scopes": [], "aliases": ["default"]}


def _identity(_: str) -> Any:
    """https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference"""
    now = int(time.time())
    audience = "https://storage.azure.com/"
    claims = {"aud": audience, "iss": "https://sts.windows.net/of-tests/", "iat": now, "nbf": now, "exp": now + _YEAR}
    token = ".".join(_part(each) for each in ({"alg": "none", "typ": "JWT"}, claims)) + ".unsigned"
    return {"access_token": token, "expires_on": str(now + _YEAR), "resource": audience, "token_type": "Bearer"}


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@contextmanager
def _answering(answer: Callable[[str], Any]) -> Iterator[str]:
    """Host and port of a server that answers each GET of a path with this text, or JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answer(urlsplit(self.path).path.rstrip("/"))
            content = (found if isinstance(found, str) else json.dumps(found)).encode()
            self.send_response_only(200)
            self.send_header("Metadata-Flavor", "Google")
            self.send_header("Content-Type", "text/plain" if isinstance(found, str) else "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
