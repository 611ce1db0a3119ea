"""Where a gateway is put together, in one place: settings in, parts out.

Order matters: the store and the log open first, then policy, classifier and receipt key are announced in the log, and
only then can anything be served that rests on them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import assert_never, final

from overt.classify.release import MANIFEST, load, shipped
from overt.classify.stage1 import Stage1
from overt.config.settings import FromEnvironment, NoCredential, PassThrough, Settings, UpstreamSettings
from overt.core.domain import ModelName
from overt.core.finding import Release
from overt.core.policy import Policy
from overt.errors import OperatorError
from overt.gateway.admit import Admission, key_digest, new_key
from overt.gateway.models import Models
from overt.gateway.parts import Gateway, Published
from overt.gateway.pipeline import Pages, Pipeline
from overt.gateway.record import Recorder
from overt.log.keys import log_signer, receipt_issuer
from overt.log.sqlite import open_log
from overt.ports import Clock, Log, Signer, Store, Upstream
from overt.proof.receipt import Issuer
from overt.proof.receipt import announce as announce_key
from overt.proof.statement import Announcement, Entry, Subject, encode_entry
from overt.store.sqlite import open_store
from overt.upstream.demo import DemoUpstream
from overt.upstream.http import WITHOUT_CREDENTIAL, HttpUpstream, Timeouts

STORE_FILE = "store.sqlite"
LOG_FOLDER = "log"
KEY_FOLDER = "keys"
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
    """A running gateway. ``public_url`` is where callers reach it, without a trailing slash."""
    clock = SystemClock()
    data = Path(settings.data)
    folder = weights or shipped()
    model = await asyncio.to_thread(load, folder)
    async with AsyncExitStack() as stack:
        signer = log_signer(_made(data / KEY_FOLDER) / "log.key", settings.origin)
        log = await open_log(data / LOG_FOLDER, settings.origin, signer)
        stack.push_async_callback(log.aclose)
        store = await open_store(data / STORE_FILE)
        stack.push_async_callback(store.aclose)
        classifier = Stage1(model)
        issuer = RenewingIssuer(data / KEY_FOLDER / "receipts.key", signer, log=log, store=store, clock=clock)
        entries = announcements_of(
            log.origin,
            minute_of(clock),
            policy=policy,
            release=classifier.release,
            issuer=await issuer.current(),
        )
        await announce(log, store, entries)
        models = _models(settings)
        for upstream in models.upstreams():
            stack.push_async_callback(upstream.aclose)
        pages = Pages(base=public_url, policy=f"{public_url}/policy/{policy.digest}")
        recorder = Recorder(log=log, store=store, issuing=issuer.current, clock=clock)
        yield Gateway(
            pipeline=Pipeline(policy=policy, classifier=classifier, models=models, recorder=recorder, pages=pages),
            models=models,
            admission=Admission(store, authenticate=settings.authenticate, max_body=settings.max_body_bytes),
            classifier=classifier,
            policy=policy,
            store=store,
            log=log,
            clock=clock,
            pages=pages,
            published=_published(policy_toml, folder),
            contact=settings.contact,
        )


async def announce(log: Log, store: Store, entries: Mapping[str, Entry]) -> None:
    """Log what is not in this log yet. A log that is empty knows nothing, whatever the store remembers."""
    empty = (await log.checkpoint()).split(b"\n")[1] == b"0"
    for name, entry in entries.items():
        mark = f"{log.vkey} {name}"
        if empty or not await store.is_announced(mark):
            await log.append(encode_entry(entry))
            await store.set_announced(mark)


def announcements_of(log: str, minute: int, *, policy: Policy, release: Release, issuer: Issuer) -> Mapping[str, Entry]:
    """What the log must hold before the first statement: policy, classifier and receipt key, by digest or key."""
    certificate = issuer.certificate
    return {
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


def _published(policy_toml: bytes, weights: Path) -> Published:
    cards = {path.stem: path.read_text(encoding="utf-8") for path in sorted((weights / "cards").glob("*.md"))}
    return Published(policy_toml=policy_toml, manifest=(weights / MANIFEST).read_bytes(), cards=cards)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(f"the data folder {str(folder.parent)!r} cannot be made: {error}") from error
    folder.chmod(0o700)
    return folder
