"""Where a gateway is put together, in one place: settings in, parts out.

Order matters: the store and the log open first, then policy, classifier, judge and receipt key are announced in the
log, and only then can anything be served that rests on them. A release that was activated was announced before; the
log has to prove it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import assert_never, final

from overt.classify.judge.ask import Judge, JudgeIdentity
from overt.classify.judge.judged import Judged
from overt.classify.judge.shapes import SHAPES
from overt.classify.judge.written import written_policies
from overt.classify.release import MANIFEST, shipped
from overt.config.settings import (
    FromEnvironment,
    JudgeSettings,
    NoCredential,
    PassThrough,
    Settings,
    UpstreamSettings,
)
from overt.core.domain import ModelName
from overt.core.finding import Release
from overt.core.policy import Policy
from overt.gateway.admit import Admission, key_digest, new_key
from overt.gateway.archive import judge_documents, publish
from overt.gateway.closing import Closings
from overt.gateway.gossip import Gossip, keep_in
from overt.gateway.logs import key_place, open_gateway_log, open_gateway_store
from overt.gateway.models import Models
from overt.gateway.parts import Gateway, Published
from overt.gateway.pipeline import Pages, Pipeline
from overt.gateway.places import ARCHIVE_FOLDER, EVIDENCE_FOLDER, KEY_FOLDER, SHADOW_FILE, private_folder
from overt.gateway.record import Recorder
from overt.gateway.releases import check_logged, in_use, read_candidate
from overt.gateway.shadow import Beside, Shadow, nobody
from overt.gateway.shards import read_closed_logs
from overt.log.keys import log_signer, receipt_issuer
from overt.ports import Classifier, Clock, Log, Signer, Store, Upstream
from overt.proof.keys import encode_keys
from overt.proof.receipt import Issuer
from overt.proof.receipt import announce as announce_key
from overt.proof.statement import Announcement, Entry, Subject, encode_entry
from overt.store.archive import FolderArchive
from overt.store.comparisons import open_comparisons
from overt.upstream.demo import DemoUpstream
from overt.upstream.http import WITHOUT_CREDENTIAL, HttpUpstream, Timeouts

DAY_MS = 86_400_000


@final
class SystemClock:
    """Implements `ports.Clock` by the machine's own."""

    def now(self) -> float:
        """POSIX seconds."""
        return time.time()


@asynccontextmanager
async def opened(
    settings: Settings, policy: Policy, policy_toml: bytes, *, public_url: str, weights: Path | None = None
) -> AsyncIterator[Gateway]:
    """A running gateway. ``public_url`` is where callers reach it, without a trailing slash.

    It uses the release that was activated; else the one in ``weights``, which is the shipped one if not given.
    """
    clock = SystemClock()
    data = Path(settings.data)
    using = await asyncio.to_thread(in_use, data, weights or shipped())
    async with AsyncExitStack() as stack:
        signer = log_signer(private_folder(data / KEY_FOLDER) / "log.key", settings.origin)
        log = await open_gateway_log(data, settings.log, settings.origin, signer)
        stack.push_async_callback(log.aclose)
        store = await open_gateway_store(data, settings.log)
        stack.push_async_callback(store.aclose)
        judge = _judge(settings.judge)
        if judge is not None:
            stack.push_async_callback(judge.aclose)
        alone = using.parts.classifier()
        classifier = _judged(alone, judge)
        issuer = RenewingIssuer(data / KEY_FOLDER / "receipts.key", signer, log=log, store=store, clock=clock)
        entries = announcements_of(
            log.origin,
            minute_of(clock),
            policy=policy,
            release=classifier.release,
            issuer=await issuer.current(),
            judge=None if judge is None else judge.identity,
        )
        announced = encode_keys(key_place(data).announced())
        published = replace(_published(policy_toml, using.folder), log_keys=announced)
        archive = FolderArchive(data / ARCHIVE_FOLDER)
        await publish(archive, _documents(published, judge), entries.values())
        if using.activation is not None:
            await announce(log, store, {name: entry for name, entry in entries.items() if name != using.digest})
            await check_logged(log, using.activation)
        else:
            await announce(log, store, entries)
        beside = await _beside(stack, settings, policy, current=alone, clock=clock)
        models = _models(settings)
        for upstream in models.upstreams():
            stack.push_async_callback(upstream.aclose)
        pages = Pages(base=public_url, policy=f"{public_url}/policy/{policy.digest}")
        recorder = Recorder(log=log, store=store, issuing=issuer.current, clock=clock)
        closings = Closings(recorder)
        stack.push_async_callback(closings.aclose)
        yield Gateway(
            pipeline=Pipeline(
                policy=policy,
                classifier=classifier,
                models=models,
                recorder=recorder,
                closings=closings,
                pages=pages,
                beside=beside,
            ),
            models=models,
            admission=Admission(store, authenticate=settings.authenticate, max_body=settings.max_body_bytes),
            classifier=classifier,
            policy=policy,
            store=store,
            archive=archive,
            log=log,
            gossip=Gossip(log, keep_in(data / EVIDENCE_FOLDER)),
            clock=clock,
            pages=pages,
            published=published,
            contact=settings.contact,
            closed=read_closed_logs(data),
        )


async def announce(log: Log, store: Store, entries: Mapping[str, Entry]) -> None:
    """Log what is not in this log yet. A log that is empty knows nothing, whatever the store remembers."""
    empty = (await log.checkpoint()).split(b"\n")[1] == b"0"
    for name, entry in entries.items():
        mark = f"{log.vkey} {name}"
        if empty or not await store.is_announced(mark):
            await log.append(encode_entry(entry))
            await store.set_announced(mark)


def announcements_of(
    log: str, minute: int, *, policy: Policy, release: Release, issuer: Issuer, judge: JudgeIdentity | None = None
) -> Mapping[str, Entry]:
    """What the log must hold before the first statement: policy, classifier, judge and receipt key, by digest or key.

    A judge is announced as a classifier: its name is the shape, its version the model.
    """
    certificate = issuer.certificate
    judges: dict[str, Entry] = {}
    if judge is not None:
        judges[judge.digest] = Announcement(
            subject=Subject.CLASSIFIER,
            log=log,
            minute=minute,
            name=f"judge {judge.shape}",
            version=judge.model,
            digest=judge.digest,
        )
    return judges | {
        policy.digest: Announcement(
            subject=Subject.POLICY,
            log=log,
            minute=minute,
            name=policy.name,
            version=policy.version,
            digest=policy.digest,
        ),
        release.digest: Announcement(
            subject=Subject.CLASSIFIER,
            log=log,
            minute=minute,
            name=release.name,
            version=release.version,
            digest=release.digest,
        ),
        certificate.vkey: announce_key(certificate, minute),
    }


@final
class RenewingIssuer:
    """Gives the receipt key, and a new one, announced first, when it has less than a day left."""

    def __init__(self, path: Path, signer: Signer, *, log: Log, store: Store, clock: Clock) -> None:
        self._path = path
        self._signer = signer
        self._log = log
        self._store = store
        self._clock = clock
        self._issuer = receipt_issuer(path, signer, log.origin, clock)
        self._renewing = asyncio.Lock()

    async def current(self) -> Issuer:
        """A key that is valid now."""
        if not self._is_old():
            return self._issuer
        async with self._renewing:
            if self._is_old():
                fresh = await asyncio.to_thread(receipt_issuer, self._path, self._signer, self._log.origin, self._clock)
                entry = announce_key(fresh.certificate, minute_of(self._clock))
                await announce(self._log, self._store, {fresh.certificate.vkey: entry})
                self._issuer = fresh
        return self._issuer

    def _is_old(self) -> bool:
        return self._clock.now() * 1000 > self._issuer.certificate.not_after - DAY_MS


def minute_of(clock: Clock) -> int:
    """POSIX seconds, rounded down to the minute."""
    return int(clock.now()) // 60 * 60


async def make_key(store: Store, name: str) -> str:
    """A fresh key for a caller; only its digest is kept."""
    key = new_key()
    await store.add_key(name, key_digest(key))
    return key


def _judge(settings: JudgeSettings | None) -> Judge | None:
    if settings is None:
        return None
    return Judge(
        url=settings.url,
        model=settings.model,
        shape=SHAPES[settings.shape],
        policies=written_policies(),
        api_key=settings.api_key.reveal() if settings.api_key is not None else None,
        timeout_s=settings.timeout_s,
    )


def _judged(classifier: Classifier, judge: Judge | None) -> Classifier:
    return classifier if judge is None else Judged(classifier, judge)


async def _beside(
    stack: AsyncExitStack, settings: Settings, policy: Policy, *, current: Classifier, clock: Clock
) -> Beside:
    """The candidate that is tried in shadow, nobody where there is none."""
    if settings.shadow is None:
        return nobody
    parts = await asyncio.to_thread(read_candidate, Path(settings.shadow))
    candidate = parts.classifier()
    if candidate.release.digest == current.release.digest:
        said = "the release in [classifier] shadow is the one in use: there is nothing to compare"
        logging.getLogger("overt.gateway").warning(said)
        return nobody
    comparisons = await open_comparisons(Path(settings.data) / SHADOW_FILE)
    stack.push_async_callback(comparisons.aclose)
    shadow = Shadow(
        candidate=candidate,
        using=current.release.digest,
        current=current if settings.judge is not None else None,
        policy=policy,
        comparisons=comparisons,
        clock=clock,
    )
    shadow.start()
    stack.push_async_callback(shadow.aclose)
    return shadow.see


def _models(settings: Settings) -> Models:
    named: dict[ModelName, Upstream] = {}
    others: Upstream | None = None
    for each in settings.upstreams:
        upstream = _upstream(each)
        if each.models is None:
            others = upstream
        else:
            named |= dict.fromkeys(each.models, upstream)
    return Models(named=named, others=others)


def _upstream(settings: UpstreamSettings) -> Upstream:
    if settings.is_demo:
        return DemoUpstream()
    patience = settings.timeouts
    return HttpUpstream(
        name=settings.name,
        url=settings.url,
        credential=_credential(settings),
        timeouts=Timeouts(connect=patience.connect_s, first_byte=patience.first_byte_s, idle=patience.idle_s),
    )


def _credential(settings: UpstreamSettings) -> tuple[str, str] | None:
    """What `HttpUpstream` takes: None sends on the caller's own header."""
    match settings.credential:
        case PassThrough():
            return None
        case NoCredential():
            return WITHOUT_CREDENTIAL
        case FromEnvironment() as own:
            return own.pair()
        case _ as unreachable:
            assert_never(unreachable)


def _documents(published: Published, judge: Judge | None) -> Iterator[bytes]:
    """What is announced and pinned, as documents for everybody."""
    yield published.policy_toml
    yield published.manifest
    yield from (card.encode() for card in published.cards.values())
    if judge is not None:
        yield from judge_documents(judge.identity, written_policies())


def _published(policy_toml: bytes, weights: Path) -> Published:
    cards = {path.stem: path.read_text(encoding="utf-8") for path in sorted((weights / "cards").glob("*.md"))}
    return Published(policy_toml=policy_toml, manifest=(weights / MANIFEST).read_bytes(), cards=cards)
