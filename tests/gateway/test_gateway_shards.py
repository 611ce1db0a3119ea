"""A log is closed and the next goes on: linked at both ends, whenever a crash comes, and old receipts hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner, Result
from gateway_samples import asked

from overt.cli.log_link import command as link_command
from overt.cli.log_shard import command as shard_command
from overt.config.settings import DEFAULT_ORIGIN, Settings
from overt.core.domain import ReceiptId
from overt.errors import OperatorError, VerificationFailed
from overt.gateway.app import create_app
from overt.gateway.compose import make_key, opened
from overt.gateway.logs import key_place, opening_of, opening_to_close
from overt.log.files import directory_reader
from overt.log.include import include_in
from overt.log.keys import log_signer, read_signer
from overt.log.log import start
from overt.log.rotation import KEY_FILE, notary_of
from overt.log.shards import TURNING, Turn, turn
from overt.policy.bundle import bundled_text, load_bundled
from overt.proof.check import check_log
from overt.proof.note import parse_vkey
from overt.proof.shards import verify_link
from overt.proof.statement import Announcement, ShardClose, ShardOpen, Subject, decode_entry, encode_entry
from overt.proof.tiles import Reader
from overt.proof.verify import holds, verify_receipt
from overt.testing.receipts import MINUTE

NEXT = "localhost/overt/log/2026-12"


@asynccontextmanager
async def served(data: Path, origin: str, key: str | None = None) -> AsyncIterator[tuple[httpx2.AsyncClient, str]]:
    settings = replace(Settings.default(), data=str(data), origin=origin)
    text = bundled_text("default").encode()
    async with opened(settings, load_bundled("default"), text, public_url="http://gate.example") as gateway:
        key = key or await make_key(gateway.store, "tests")
        headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
        transport = httpx2.ASGITransport(app=create_app(gateway))
        async with httpx2.AsyncClient(transport=transport, base_url="http://gate.example", headers=headers) as http:
            yield http, key


def shard(data: Path, origin: str = NEXT) -> Result:
    return CliRunner().invoke(shard_command, [origin, "--data", str(data)])


def test_a_gateway_goes_on_in_the_next_log_and_still_proves_what_the_last_one_holds(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(tmp_path, DEFAULT_ORIGIN) as (http, key):
            answer = await http.post("/v1/messages", json=asked(model="demo-large"))
            name = ReceiptId(answer.headers["overt-receipt"])
            first = str((await http.get("/.well-known/overt.json")).json()["log_public_key"])
            busy = await asyncio.to_thread(shard, tmp_path)
            assert "another process writes the log" in str(busy.exception)
        turned = await asyncio.to_thread(shard, tmp_path)
        assert turned.exit_code == 0, turned.output
        with pytest.raises(OperatorError, match="2026-12"):
            async with served(tmp_path, DEFAULT_ORIGIN):
                raise AssertionError("the old origin is not served any more")
        async with served(tmp_path, NEXT, key) as (http, _):
            second = str((await http.get("/.well-known/overt.json")).json()["log_public_key"])
            assert turned.output.splitlines()[-1] == second
            later = (await http.post("/v1/messages", json=asked(model="demo-large"))).headers["overt-receipt"]
            receipts = [(await http.get(f"/v1/receipts/{each}")).content for each in (name, later)]
            served_checkpoint = (await http.get("/log/shards/log/checkpoint")).content
            assert (await http.get("/log/shards/nope/checkpoint")).status_code == 404
            assert (await http.get("/log/shards/log/log.sqlite")).status_code == 404
        old, new = directory_reader(tmp_path / "shards" / "log" / "log"), directory_reader(tmp_path / "log")
        assert served_checkpoint == old("checkpoint")
        for vkey, raw, reader in ((first, receipts[0], old), (second, receipts[1], new)):
            steps = verify_receipt(raw, log_vkey=vkey, fetched=reader)
            assert holds(steps), steps[-1]
            assert holds(check_log(reader, vkey, full=True).steps)
        (proof,) = (step for step in verify_receipt(receipts[0], log_vkey=first) if step.name == "proof")
        assert proof.mark == "holds", "a receipt of the closed log is given with its proof"
        linked = CliRunner().invoke(
            link_command, [str(tmp_path / "shards" / "log" / "log"), str(tmp_path / "log"), "--key", first]
        )
        assert linked.exit_code == 0, linked.output
        assert linked.output.splitlines()[-1] == second
        wrong = CliRunner().invoke(link_command, [str(tmp_path / "log"), str(tmp_path / "shards" / "log" / "log")])
        assert wrong.exit_code == 1

    asyncio.run(run())


class _Gone(Exception):
    """The process died here."""


def plain(data: Path) -> Turn:
    return Turn(
        data=data,
        place=key_place(data),
        opening=opening_to_close(data, Settings.default().log),
        origin=NEXT,
        name="log",
        memory=data / "memory",
    )


def carried(minute: int) -> tuple[bytes, ...]:
    digest = load_bundled("default").digest
    entry = Announcement(subject=Subject.CLASSIFIER, log=NEXT, minute=minute, name="c", version="1", digest=digest)
    return (encode_entry(entry),)


def policy(version: str) -> Announcement:
    digest = load_bundled("default").digest
    return Announcement(
        subject=Subject.POLICY, log=DEFAULT_ORIGIN, minute=MINUTE, name="p", version=version, digest=digest
    )


async def filled(data: Path, count: int) -> str:
    place = key_place(data)
    signer = log_signer(place.keys / KEY_FILE, DEFAULT_ORIGIN)
    notary = notary_of(place, signer, DEFAULT_ORIGIN)
    log = await start(await opening_of(data, Settings.default().log)(notary.vkey), notary, period=0.01)
    await asyncio.gather(*(log.append(encode_entry(policy(str(number)))) for number in range(count)))
    await log.aclose()
    (data / "memory").write_bytes(b"of the old log")
    return signer.vkey


def settled(seen: list[int]) -> Callable[[int], None]:
    return seen.append


@pytest.mark.parametrize("count", [0, 1, 255], ids=str)
def test_both_ends_name_each_other_whatever_the_size(count: int, tmp_path: Path) -> None:
    vkey = asyncio.run(filled(tmp_path, count))
    final = asyncio.run(turn(plain(tmp_path), MINUTE, carried, settled([])))
    old, new = directory_reader(tmp_path / "shards" / "log" / "log"), directory_reader(tmp_path / "log")
    link = verify_link(old, parse_vkey(vkey), new)
    assert (final.size, link.final, link.next.name) == (count + 1, final, NEXT)
    assert holds(check_log(old, vkey, full=True).steps)
    assert holds(check_log(new, link.next.text, full=True).steps)
    assert (tmp_path / "memory.log").read_bytes() == b"of the old log"


def test_a_crash_at_any_step_is_finished_by_doing_it_again_and_nothing_else_starts_meanwhile(tmp_path: Path) -> None:
    vkey = asyncio.run(filled(tmp_path, 3))
    the, seen = plain(tmp_path), list[int]()

    def dies(minute: int) -> tuple[bytes, ...]:
        raise _Gone(str(minute))

    def dies_late(minute: int) -> None:
        raise _Gone(str(minute))

    async def put_behind() -> None:
        notary = notary_of(the.place, read_signer(the.place.keys / KEY_FILE), DEFAULT_ORIGIN)
        await include_in(opening_of(tmp_path, Settings.default().log), notary, b"too late")

    async def open_any() -> None:
        await opening_of(tmp_path, Settings.default().log)(vkey)

    with pytest.raises(_Gone):
        asyncio.run(turn(the, MINUTE, dies, settled(seen)))
    with pytest.raises(OperatorError, match="is closed"):
        asyncio.run(put_behind())
    with pytest.raises(_Gone):
        asyncio.run(turn(the, MINUTE + 60, carried, dies_late))
    with pytest.raises(OperatorError, match="between two shards"):
        asyncio.run(open_any())
    # As if the process had died in the middle of the moves.
    (the.place.log).rename(the.fresh.log)
    (the.place.keys / KEY_FILE).rename(the.fresh.keys / KEY_FILE)
    with pytest.raises(OperatorError, match="another turn is not finished"):
        asyncio.run(turn(replace(the, name="other"), MINUTE + 120, carried, settled(seen)))
    final = asyncio.run(turn(the, MINUTE + 120, carried, settled(seen)))
    assert seen == [MINUTE + 60], "the minute of the turn stays what it was when the next log was made"
    assert not (the.shards / TURNING).exists()
    link = verify_link(directory_reader(the.shards / "log" / "log"), parse_vkey(vkey), directory_reader(the.place.log))
    assert link.final == final
    with pytest.raises(OperatorError, match="already"):
        asyncio.run(turn(the, MINUTE + 180, carried, settled(seen)))


def test_what_follows_a_closing_entry_or_opens_in_the_middle_fails_the_check(tmp_path: Path) -> None:
    vkey = asyncio.run(filled(tmp_path, 2))
    place = key_place(tmp_path)
    notary = notary_of(place, read_signer(place.keys / KEY_FILE), DEFAULT_ORIGIN)
    root = notary.open(directory_reader(place.log)("checkpoint") or b"").root
    close = ShardClose(log=DEFAULT_ORIGIN, minute=MINUTE, size=2, root=root, next=vkey)
    late = policy("late")
    opening = ShardOpen(log=DEFAULT_ORIGIN, minute=MINUTE, size=2, root=root, previous=vkey)
    for entry in (close, late, opening):
        assert decode_entry(encode_entry(entry)) == entry
    unchecked = opening_to_close(tmp_path, Settings.default().log)

    def failure(reader: Reader) -> str:
        return check_log(reader, vkey).steps[-1].detail

    asyncio.run(include_in(unchecked, notary, encode_entry(close)))
    assert holds(check_log(directory_reader(place.log), vkey).steps)
    asyncio.run(include_in(unchecked, notary, encode_entry(late)))
    assert "nothing may follow" in failure(directory_reader(place.log))


def test_a_next_log_that_names_another_end_is_refused(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    vkey = asyncio.run(filled(first, 2))
    asyncio.run(filled(second, 3))
    asyncio.run(turn(plain(first), MINUTE, carried, settled([])))
    asyncio.run(turn(plain(second), MINUTE, carried, settled([])))
    with pytest.raises(VerificationFailed):
        verify_link(directory_reader(first / "shards/log/log"), parse_vkey(vkey), directory_reader(second / "log"))
