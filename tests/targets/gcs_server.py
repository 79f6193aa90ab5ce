"""Google Cloud Storage's XML API, as much of it as targets use. The emulators on the package index lack it.

(gcp-storage-emulator has no XML API; fake-gcs-server lists and reads by it, but takes no PUT.) After
https://cloud.google.com/storage/docs/xml-api: generations, x-goog-if-generation-match, list-type=2 in pages.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


@dataclass
class Bucket:
    """The objects of a bucket: content and generation by name."""

    objects: dict[str, tuple[bytes, int]] = field(default_factory=dict)


@dataclass
class Storage:
    """The server's URL, its buckets, and how many objects one page of a listing holds."""

    url: str = ""
    buckets: dict[str, Bucket] = field(default_factory=dict)
    page: int = 1000
    generation: int = 1_700_000_000_000_000
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def gcs() -> Iterator[Storage]:
    """A running server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    storage = Storage(f"http://127.0.0.1:{server.server_port}")
    server.storage = storage  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield storage
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        _, bucket_name, *rest = unquote(url.path).split("/")
        storage: Storage = self.server.storage  # type: ignore[attr-defined]
        with storage.lock:
            bucket = storage.buckets.get(bucket_name)
            if not self.headers.get("Authorization", "").startswith("Bearer "):
                self.refuse(401, "AuthenticationRequired", "Authentication required.")
            elif bucket is None:
                self.refuse(404, "NoSuchBucket", "The specified bucket does not exist.")
            elif rest and rest != [""]:
                self.of_object(storage, bucket, "/".join(rest), body)
            else:
                self.list_objects(storage, bucket, {key: values[0] for key, values in parse_qs(url.query).items()})

    do_GET = do_HEAD = do_PUT = do_DELETE = handle_one

    def of_object(self, storage: Storage, bucket: Bucket, name: str, body: bytes) -> None:
        there = bucket.objects.get(name)
        wanted = self.headers.get("x-goog-if-generation-match")
        if wanted is not None and int(wanted) != (there[1] if there else 0):
            self.refuse(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")
        elif self.command == "PUT":
            storage.generation += 1
            bucket.objects[name] = (body, storage.generation)
            self.answer(200, b"", bucket.objects[name])
        elif there is None:
            self.refuse(404, "NoSuchKey", "The specified key does not exist.")
        elif self.command == "DELETE":
            del bucket.objects[name]
            self.answer(204, b"")
        else:
            self.answer(200, there[0], there)

    def list_objects(self, storage: Storage, bucket: Bucket, query: dict[str, str]) -> None:
        assert query["list-type"] == "2"
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("continuation-token", "")
        found = sorted(name for name in bucket.objects if name.startswith(prefix) and name > after)
        page, rest = found[: storage.page], found[storage.page :]
        plain = [name for name in page if not delimiter or delimiter not in name[len(prefix) :]]
        folders = {prefix + name[len(prefix) :].split(delimiter)[0] + delimiter for name in page if name not in plain}
        items = [self.item(name, *bucket.objects[name]) for name in plain]
        items += [f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>" for folder in sorted(folders)]
        if rest:
            items.append(f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>")
        truncated = f"<IsTruncated>{str(bool(rest)).lower()}</IsTruncated>"
        self.answer(200, f"<ListBucketResult>{truncated}{''.join(items)}</ListBucketResult>".encode())

    def item(self, name: str, content: bytes, generation: int) -> str:
        return (
            f"<Contents><Key>{escape(name)}</Key><Generation>{generation}</Generation>"
            f"<MetaGeneration>1</MetaGeneration><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>{_tag(content)}</ETag><Size>{len(content)}</Size></Contents>"
        )

    def refuse(self, status: int, code: str, message: str) -> None:
        self.answer(
            status, f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        )

    def answer(self, status: int, content: bytes, there: tuple[bytes, int] | None = None) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Last-Modified", formatdate(0, usegmt=True))
        if there is not None:
            self.send_header("ETag", _tag(there[0]))
            self.send_header("x-goog-generation", str(there[1]))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


def _tag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
