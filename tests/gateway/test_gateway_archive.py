"""What the log's digests lead to is there for everybody, before it is announced, and stays."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from gateway_samples import running

from overt.classify.judge.ask import JudgeIdentity
from overt.classify.judge.written import digest_of, written_policies
from overt.config.settings import DEFAULT_ORIGIN, Settings
from overt.errors import InvariantBroken
from overt.gateway.activate import Candidate, Home, activate
from overt.gateway.archive import judge_documents, publish
from overt.gateway.compose import opened
from overt.gateway.places import ARCHIVE_FOLDER, LOG_FOLDER
from overt.log.files import directory_reader
from overt.log.folder import VKEY_FILE
from overt.policy.bundle import bundled_text, load_bundled
from overt.proof.check import Checked, check_log
from overt.proof.statement import Announcement, Subject
from overt.proof.verify import Mark
from overt.store.archive import find_in
from overt.testing.archive import MemoryArchive
from overt.testing.clock import ManualClock
from overt.testing.releases import write_tiny_release


def digest(raw: bytes) -> str:
    return "sha256:" + hashlib.sha256(raw).hexdigest()


async def _answers(path: str, *documents: bytes) -> Any:
    gate = await running()
    for raw in documents:
        await gate.gateway.archive.keep(raw)
    async with gate.http() as client:
        return await client.get(path)


@pytest.mark.parametrize(
    ("raw", "kind"), [(b'{"name": "r"}', "application/json"), (b"title = 1", "text/plain; charset=utf-8")]
)
def test_a_document_is_served_under_its_digest_for_ever(raw: bytes, kind: str) -> None:
    answer = asyncio.run(_answers(f"/archive/{digest(raw)}", raw))
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, raw, kind)
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_earlier_policy_is_found_where_its_receipts_point() -> None:
    raw = b'name = "earlier"'
    answer = asyncio.run(_answers(f"/policy/{digest(raw)}", raw))
    assert (answer.status_code, answer.content) == (200, raw)


@pytest.mark.parametrize("path", ["/archive/" + digest(b"other"), "/archive/log.key", "/policy/" + digest(b"other")])
def test_what_was_never_kept_is_not_found(path: str) -> None:
    assert asyncio.run(_answers(path, b"x")).status_code == 404


def test_a_judges_digest_leads_to_every_word_that_it_is_told() -> None:
    policies = written_policies()
    identity = JudgeIdentity(shape="granite-guardian", model="m", policies=digest_of(policies))
    kept = {digest(raw): raw.decode() for raw in judge_documents(identity, policies)}
    named = kept[identity.digest].split()[-1]
    told = [kept[line.split()[1]] for line in kept[named].splitlines()]
    assert [text.strip() for text in told] == [policy.text for policy in policies.values()]


def test_nothing_is_announced_that_leads_nowhere() -> None:
    lost = Announcement(
        subject=Subject.POLICY,
        log="log.test",
        minute=0,
        name="p",
        version="1",
        digest=load_bundled("default").digest,
    )
    asyncio.run(publish(MemoryArchive(), [bundled_text("default").encode()], [lost]))
    with pytest.raises(InvariantBroken, match="without a document"):
        asyncio.run(publish(MemoryArchive(), [b"another"], [lost]))


async def _one_run(data: Path, policy: str, weights: Path) -> None:
    settings = replace(Settings.default(), data=str(data))
    text = bundled_text(policy).encode()
    async with opened(
        settings, load_bundled(policy), text, public_url="http://gate.example", weights=weights
    ) as gateway:
        assert await gateway.archive.find(load_bundled(policy).digest) == text
        assert await gateway.archive.find(gateway.classifier.release.digest) == gateway.published.manifest
        for card in gateway.published.digests.values():
            assert await gateway.archive.find(card) is not None


def checked(data: Path) -> Checked:
    """The log in a data folder, checked as anybody would who has the two folders that are public."""
    key = (data / LOG_FOLDER / VKEY_FILE).read_text().strip()
    documents = partial(find_in, data / ARCHIVE_FOLDER)
    return check_log(directory_reader(data / LOG_FOLDER), key, documents=documents)


def test_what_was_announced_in_earlier_runs_and_by_an_activation_still_leads_somewhere(tmp_path: Path) -> None:
    data, first, second = tmp_path / "data", tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        write_tiny_release(folder, version=folder.name)
    for policy in ("default", "observe"):
        asyncio.run(_one_run(data, policy, first))
    asyncio.run(activate(Home(data=data, origin=DEFAULT_ORIGIN), Candidate(folder=second), ManualClock()))
    step = checked(data).steps[8]
    assert (step.mark, "all 4 digests" in step.detail) == (Mark.HOLDS, True)
    (data / ARCHIVE_FOLDER / load_bundled("default").digest).unlink()
    assert not checked(data).steps[-1].ok
