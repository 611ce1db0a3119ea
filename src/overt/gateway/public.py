"""What anybody may fetch, and what a caller may fetch of their own: the log, notices, receipts, policy, cards."""

from __future__ import annotations

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from overt.core.domain import DOMAINS, NoticeId, ReceiptId
from overt.errors import LogUnavailable, NotFound
from overt.gateway.notice_schema import NOTICE_SCHEMA
from overt.gateway.parts import Gateway
from overt.gateway.shards import PREFIX
from overt.log.parts import PENDING
from overt.proof.keys import KEYS
from overt.proof.note import parse_vkey
from overt.proof.receipt import encode_receipt, parse_receipt, with_proof
from overt.proof.tiles import CHECKPOINT

FOREVER = {"cache-control": "max-age=31536000, immutable", "access-control-allow-origin": "*"}
_EARLIER = "text/plain; charset=utf-8"
BRIEFLY = {"cache-control": "max-age=1", "access-control-allow-origin": "*"}


async def receipt(gateway: Gateway, http: HttpRequest, request_id: str) -> Response:
    """``GET /v1/receipts/{id}``: with its inclusion proof as soon as there is one."""
    del request_id
    caller = await gateway.admission.caller(http)
    name = ReceiptId(http.path_params["id"])
    kept = await gateway.store.receipt(name, caller.key_id)
    if kept is None:
        raise NotFound(f"there is no receipt {name!r} of this key; receipts are fetched with the key that asked")
    found = parse_receipt(kept.body)
    proof = await gateway.log.proof(kept.leaf)
    if proof is None:
        proof = await gateway.closed.proof(parse_vkey(found.log_key).name, kept.leaf)
    body = kept.body if proof is None else encode_receipt(with_proof(found, proof))
    return Response(body, media_type="application/json", headers={"cache-control": "no-store"})


async def notice(gateway: Gateway, http: HttpRequest, request_id: str) -> Response:
    """``GET /v1/notices/{id}``: whoever holds the id may read it."""
    del request_id
    name = NoticeId(http.path_params["id"])
    kept = await gateway.store.notice(name)
    if kept is None:
        raise NotFound(f"there is no notice {name!r}")
    return Response(kept, media_type="application/json", headers={"cache-control": "no-store"})


async def log_file(gateway: Gateway, http: HttpRequest, request_id: str) -> Response:
    """``GET /log/checkpoint`` and ``/log/tile/…`` (C2SP tlog-tiles), and ``/log/checkpoint.pending``."""
    del request_id
    path = http.path_params["path"]
    if path in (CHECKPOINT, PENDING):
        text = await (gateway.log.checkpoint() if path == CHECKPOINT else gateway.log.pending())
        return Response(text, media_type="text/plain; charset=utf-8", headers=BRIEFLY)
    if path == KEYS and gateway.published.log_keys:
        return Response(gateway.published.log_keys, media_type=_EARLIER, headers=BRIEFLY)
    tile = await (gateway.closed.file(path) if path.startswith(PREFIX) else gateway.log.tile(path))
    if tile is None:
        raise NotFound(f"the log has no {path!r}")
    return Response(tile, media_type="application/octet-stream", headers=FOREVER)


async def policy(gateway: Gateway, http: HttpRequest, request_id: str) -> Response:
    """``GET /policy/{digest}``: the policy's own bytes, under the digest that receipts name, for ever."""
    del request_id
    digest = http.path_params["digest"]
    if digest in (gateway.policy.digest, "current"):
        return Response(gateway.published.policy_toml, media_type="application/toml", headers=BRIEFLY)
    raw = await gateway.archive.find(digest)
    if raw is None:
        raise NotFound(f"the policy {digest!r} was not in force here; the one that is: {gateway.policy.digest}")
    return Response(raw, media_type=_EARLIER, headers={**FOREVER, "x-content-type-options": "nosniff"})


async def card(gateway: Gateway, http: HttpRequest, request_id: str) -> Response:
    """``GET /cards/{domain}`` and ``/cards/release.json``: what the classifier was measured to do."""
    del request_id
    name = http.path_params["name"]
    if name == "release.json":
        return Response(gateway.published.manifest, media_type="application/json", headers=BRIEFLY)
    text = gateway.published.cards.get(name)
    if text is None:
        known = ", ".join(["release.json", *gateway.published.cards])
        raise NotFound(f"there is no card {name!r}; there are: {known}")
    return PlainTextResponse(text, media_type="text/markdown; charset=utf-8", headers=BRIEFLY)


async def notice_schema(gateway: Gateway, http: HttpRequest, request_id: str) -> Response:
    """``GET /schema/notice.json``"""
    del gateway, http, request_id
    return JSONResponse(NOTICE_SCHEMA, media_type="application/schema+json", headers=BRIEFLY)


async def well_known(gateway: Gateway, http: HttpRequest, request_id: str) -> Response:
    """``GET /.well-known/overt.json`` (RFC 8615): where everything is."""
    del http, request_id
    base = gateway.pages.base
    release = gateway.classifier.release
    document = {
        "log_origin": gateway.log.origin,
        "log_url": f"{base}/log",
        "log_public_key": gateway.log.vkey,
        "policy": f"{gateway.policy.name} {gateway.policy.version}",
        "policy_url": gateway.pages.policy,
        "policy_hash": gateway.policy.digest,
        "classifier": f"{release.name} {release.version}",
        "classifier_hash": release.digest,
        "classifier_cards": [f"{base}/cards/{name}" for name in gateway.published.cards],
        "classifier_manifest": f"{base}/cards/release.json",
        "classifier_card_digests": gateway.published.digests,
        "archive_url": f"{base}/archive",
        "notice_schema": f"{base}/schema/notice.json",
        "notices_url": f"{base}/v1/notices",
        "appeal_endpoint": None,
        "contact": gateway.contact,
        "domains": [domain.value for domain in DOMAINS],
        "languages": ["en"],
    }
    return JSONResponse(document, headers=BRIEFLY)


async def healthy(gateway: Gateway, http: HttpRequest, request_id: str) -> Response:
    """``GET /healthz``: the process answers."""
    del gateway, http, request_id
    return JSONResponse({"status": "ok"})


async def ready(gateway: Gateway, http: HttpRequest, request_id: str) -> Response:
    """``GET /readyz``: the log answers and the classifier is loaded, so that a request could be served."""
    del http, request_id
    try:
        checkpoint = await gateway.log.checkpoint()
    except LogUnavailable as error:
        return JSONResponse({"status": "not ready", "reason": str(error)}, status_code=503)
    size = int(checkpoint.split(b"\n")[1])
    return JSONResponse({"status": "ready", "log_size": size, "classifier": gateway.classifier.release.version})
