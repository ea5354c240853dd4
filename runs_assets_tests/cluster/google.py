"""As much of Google Cloud Storage's XML API as obstore uses, in memory: there is no emulator of it to install.

What a write may replace is told by the object's generation, a number that each write raises, and by nothing else
(https://cloud.google.com/storage/docs/xml-api/reference-headers#xgoogifgenerationmatch). Listings have no generations.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from itertools import islice
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from runs_assets_tests.cluster import in_threads

LISTED_AT_ONCE = 1000


@dataclass(frozen=True)
class Stored:
    """An object."""

    content: bytes
    generation: int
    at: datetime

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.content, usedforsecurity=False).hexdigest()}"'


@dataclass
class Objects:
    """All objects by their keys, which begin with the bucket's name."""

    stored: dict[str, Stored] = field(default_factory=dict)
    generation: int = 0
    lock: Lock = field(default_factory=Lock)

    def put(self, key: str, content: bytes, expected: int | None) -> Stored | None:
        """Put an object, if the present one has the expected generation: 0 stands for none."""
        with self.lock:
            present = self.stored[key].generation if key in self.stored else 0
            if expected not in {None, present}:
                return None
            self.generation += 1
            self.stored[key] = Stored(content, self.generation, datetime.now(UTC).replace(microsecond=0))
            return self.stored[key]


@contextmanager
def serving() -> Iterator[int]:
    """The port of a server on loopback."""

    class Handler(_Handler):
        objects = Objects()

    with in_threads.serving(Handler) as port:
        yield port


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects: Objects

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        expected = self.headers.get("x-goog-if-generation-match")
        put = self.objects.put(self._key, content, None if expected is None else int(expected))
        self._answer(200 if put else 412, put)

    def do_GET(self) -> None:
        if "list-type" in self._query:
            self._answer(200, body=self._listing().encode())
            return
        found = self.objects.stored.get(self._key)
        asked = self.headers.get("range")
        if found is None:
            self._answer(404)
        elif asked is None:
            self._answer(200, found, found.content)
        else:
            end = found.content[-int(asked.removeprefix("bytes=-")) :]
            size = len(found.content)
            self._answer(206, found, end, {"content-range": f"bytes {size - len(end)}-{size - 1}/{size}"})

    do_HEAD = do_GET  # noqa: N815  (the name that http.server looks for)

    def do_DELETE(self) -> None:
        self._answer(204 if self.objects.stored.pop(self._key, None) else 404)

    @property
    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/")

    @property
    def _query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    def _listing(self) -> str:
        bucket, query = f"{self._key}/", self._query
        after = query.get("continuation-token") or query.get("start-after", "")
        keys = (key.removeprefix(bucket) for key in sorted(self.objects.stored) if key.startswith(bucket))
        found = [*islice((key for key in keys if key.startswith(query["prefix"]) and key > after), LISTED_AT_ONCE + 1)]
        entries = "".join(_entry(key, self.objects.stored[bucket + key]) for key in found[:LISTED_AT_ONCE])
        more = (
            f"<NextContinuationToken>{escape(found[-2])}</NextContinuationToken>" if len(found) > LISTED_AT_ONCE else ""
        )
        return f"<?xml version='1.0' encoding='UTF-8'?><ListBucketResult>{more}{entries}</ListBucketResult>"

    def _answer(
        self, status: int, stored: Stored | None = None, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response_only(status)
        of_object = (
            {
                "etag": stored.etag,
                "x-goog-generation": str(stored.generation),
                "last-modified": format_datetime(stored.at, usegmt=True),
            }
            if stored
            else {}
        )
        for name, value in {**of_object, **(headers or {}), "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def _entry(key: str, stored: Stored) -> str:
    return (
        f"<Contents><Key>{escape(key)}</Key><LastModified>{stored.at:%Y-%m-%dT%H:%M:%SZ}</LastModified>"
        f"<ETag>{escape(stored.etag)}</ETag><Size>{len(stored.content)}</Size></Contents>"
    )
