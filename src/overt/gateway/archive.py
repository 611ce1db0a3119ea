"""Publishing what the log's digests lead to: nothing is announced that nobody could look up.

A policy leads to its own text, a classifier to the manifest of its release, a judge to a line that names the written
policies by a digest, which leads to the digest of each. Notices are found by their ids (`overt.gateway.public`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from overt.classify.judge.ask import JudgeIdentity
from overt.classify.judge.written import Policies, document_of
from overt.errors import InvariantBroken, NotFound
from overt.gateway.parts import Gateway
from overt.gateway.public import FOREVER
from overt.ports import Archive
from overt.proof.statement import Announcement, Entry


async def document(gateway: Gateway, http: HttpRequest, request_id: str) -> Response:
    """``GET /archive/{digest}``"""
    del request_id
    digest = http.path_params["digest"]
    raw = await gateway.archive.find(digest)
    if raw is None:
        raise NotFound(f"there is no document {digest!r}")
    return Response(raw, media_type=media_type(raw), headers={**FOREVER, "x-content-type-options": "nosniff"})


def media_type(raw: bytes) -> str:
    """What kind of text a document is."""
    return "application/json" if raw.startswith(b"{") else "text/plain; charset=utf-8"


def judge_documents(identity: JudgeIdentity, policies: Policies) -> Iterator[bytes]:
    """What a judge's digest leads to, step by step."""
    yield identity.document
    yield document_of(policies)
    for policy in policies.values():
        yield policy.raw


async def publish(archive: Archive, documents: Iterable[bytes], announced: Iterable[Entry]) -> None:
    """Keep documents; raises `InvariantBroken` if what is about to be announced would lead nowhere."""
    for raw in documents:
        await archive.keep(raw)
    for entry in announced:
        if isinstance(entry, Announcement) and await archive.find(entry.digest) is None:
            raise InvariantBroken(f"the {entry.subject} {entry.digest!r} was about to be announced without a document")
