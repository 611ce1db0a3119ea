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
from overt.core.domain import Digest, ModelName
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
from overt.ports import Clock, Log, Store, Upstream
from overt.proof.receipt import Issuer
from overt.proof.statement import Announcement, Entry, KeyAnnouncement, Subject, encode_entry
from overt.store.sqlite import open_store
from overt.upstream.demo import DemoUpstream
from overt.upstream.http import WITHOUT_CREDENTIAL, HttpUpstream, Timeouts

STORE_FILE = "store.sqlite"
LOG_FOLDER = "log"
KEY_FOLDER = "keys"


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
        issuer = receipt_issuer(data / KEY_FOLDER / "receipts.key", signer, settings.origin, clock)
        log = await open_log(data / LOG_FOLDER, settings.origin, signer)
        stack.push_async_callback(log.aclose)
        store = await open_store(data / STORE_FILE)
        stack.push_async_callback(store.aclose)
        classifier = Stage1(model)
        await announce(log, store, policy=policy, release=classifier.release, issuer=issuer, clock=clock)
        models = _models(settings)
        for upstream in models.upstreams():
            stack.push_async_callback(upstream.aclose)
        pages = Pages(base=public_url, policy=f"{public_url}/policy/{policy.digest}")
        recorder = Recorder(log=log, store=store, issuer=issuer, clock=clock)
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


async def announce(log: Log, store: Store, *, policy: Policy, release: Release, issuer: Issuer, clock: Clock) -> None:
    """Log the policy, the classifier and the receipt key before the first statement that rests on them."""
    minute = int(clock.now()) // 60 * 60
    certificate = issuer.certificate
    subjects: Mapping[str, Entry] = {
        policy.digest: _announcement(Subject.POLICY, log.origin, minute, policy.name, policy.version, policy.digest),
        release.digest: _announcement(
            Subject.CLASSIFIER, log.origin, minute, release.name, release.version, release.digest
        ),
        certificate.vkey: KeyAnnouncement(
            log=log.origin,
            minute=minute,
            kid=certificate.kid,
            vkey=certificate.vkey,
            not_after=certificate.not_after,
        ),
    }
    for mark, entry in subjects.items():
        if not await store.is_announced(mark):
            await log.append(encode_entry(entry))
            await store.set_announced(mark)


async def make_key(store: Store, name: str) -> str:
    """A fresh key for a caller; only its digest is kept."""
    key = new_key()
    await store.add_key(name, key_digest(key))
    return key


def _announcement(subject: Subject, log: str, minute: int, name: str, version: str, digest: Digest) -> Announcement:
    return Announcement(subject=subject, log=log, minute=minute, name=name, version=version, digest=digest)


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
