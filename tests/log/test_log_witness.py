"""Witnesses: the server and its fake keep one contract; the client counts what is true and leaves out the rest."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn

from overt.errors import OperatorError
from overt.log.keys import signer_of
from overt.log.log import TransparencyLog, start
from overt.log.notary import one_key
from overt.log.parts import PENDING
from overt.log.witness import Witnesses, ask_witnesses
from overt.log.witness_book import MOST_EVIDENCE, Book, open_book
from overt.log.witness_server import LARGEST_BODY, witness_app
from overt.proof.cosign import CosignerKey, open_cosigned, read_cosignatures
from overt.proof.merkle import hashes_of, prove_consistency
from overt.proof.note import open_checkpoint, parse_vkey, unverified_text
from overt.proof.policy import Policy, accept, parse_policy
from overt.proof.tiles import CHECKPOINT
from overt.proof.witness import Answer, Refused, checkpoint_path
from overt.testing.clock import ManualClock
from overt.testing.contracts.log import included
from overt.testing.contracts.witness import FORK, LEAVES, WITNESS_CONTRACT, Check, question, signed
from overt.testing.log import ORIGIN, known_signer
from overt.testing.parts import SharedFiles, SharedRows, memory_parts
from overt.testing.witness import WitnessFault, WitnessServer

LOG = known_signer()
KEY = parse_vkey(LOG.vkey)
WITNESS = signer_of("witness.test/real", bytes(range(1, 33)))
WITNESS_KEY = CosignerKey(name="witness.test/real", public=parse_vkey(WITNESS.vkey).public)
NAMES = ("w1", "w2", "w3")


# --- the server ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def real(path: Path) -> AsyncIterator[str]:
    """The real witness, over HTTP."""
    book = await open_book(path, WITNESS, [KEY])
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(witness_app(book), lifespan="off", log_level="warning", access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(0.005)
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        await book.aclose()


@pytest.mark.parametrize("check", WITNESS_CONTRACT, ids=lambda check: check.__name__)
def test_the_server_keeps_the_contract(check: Check, tmp_path: Path) -> None:
    asyncio.run(check(lambda: real(tmp_path / "witness.sqlite"), WITNESS_KEY))


@pytest.mark.parametrize("check", WITNESS_CONTRACT, ids=lambda check: check.__name__)
def test_the_fake_keeps_the_contract(check: Check) -> None:
    fake = WitnessServer(name="witness.test/fake", logs=[KEY])

    @asynccontextmanager
    async def opened() -> AsyncIterator[str]:
        async with fake:
            yield fake.url

    asyncio.run(check(opened, fake.key))


async def with_book(path: Path, use: Callable[[Book], Awaitable[None]], now: Callable[[], float] = lambda: 1e9) -> None:
    book = await open_book(path, WITNESS, [KEY], now=now)
    try:
        await use(book)
    finally:
        await book.aclose()


def refusal(answer: bytes | Refused) -> Answer:
    assert isinstance(answer, Refused), answer
    return answer.answer


def test_two_roots_for_one_size_are_refused_and_both_notes_are_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(book: Book) -> None:
        assert isinstance(await book.add(question(0, 6)), bytes)
        for _ in range(3):
            assert refusal(await book.add(question(6, 6, FORK))) is Answer.INCONSISTENT
        (one,) = await book.evidence(checkpoint_path(ORIGIN))
        assert one.contradicts
        assert unverified_text(one.known) == unverified_text(signed(6))
        assert one.offered == signed(6, FORK)
        assert {open_checkpoint(note, KEY).size for note in (one.known, one.offered)} == {6}

    asyncio.run(with_book(tmp_path / "witness.sqlite", use))
    assert caplog.text.count("HAS TWO HISTORIES") == 1

    async def again(book: Book) -> None:
        assert await book.count_evidence() == 1

    asyncio.run(with_book(tmp_path / "witness.sqlite", again))


def test_a_rewritten_and_signed_log_that_has_grown_is_refused_and_both_notes_are_kept(tmp_path: Path) -> None:
    async def use(book: Book) -> None:
        assert isinstance(await book.add(question(0, 6)), bytes)
        assert refusal(await book.add(question(6, 9, FORK))) is Answer.INCONSISTENT
        (one,) = await book.evidence(checkpoint_path(ORIGIN))
        assert not one.contradicts
        assert [open_checkpoint(note, KEY).size for note in (one.known, one.offered)] == [6, 9]
        assert isinstance(await book.add(question(6, 9)), bytes)

    asyncio.run(with_book(tmp_path / "witness.sqlite", use))


def test_wrong_proofs_do_not_fill_the_file_nor_displace_what_contradicts(tmp_path: Path) -> None:
    async def use(book: Book) -> None:
        leaves = [bytes([n]) * 32 for n in range(MOST_EVIDENCE + 20)]
        assert isinstance(await book.add(question(0, 6)), bytes)
        for size in range(7, len(leaves)):
            assert refusal(await book.add(question(6, size, leaves))) is Answer.INCONSISTENT
        assert await book.count_evidence() == MOST_EVIDENCE
        assert refusal(await book.add(question(6, 6, FORK))) is Answer.INCONSISTENT
        assert await book.count_evidence() == MOST_EVIDENCE + 1

    asyncio.run(with_book(tmp_path / "witness.sqlite", use))


def test_the_time_of_a_cosignature_never_goes_back(tmp_path: Path) -> None:
    clock = ManualClock()

    async def use(book: Book) -> None:
        times = []
        for step, old, new in ((0, 0, 6), (-30, 6, 7), (40, 7, 8)):
            clock.advance(step)
            line = await book.add(question(old, new))
            assert isinstance(line, bytes)
            times += [c.time for c in read_cosignatures(line, unverified_text(signed(new)), [WITNESS_KEY])]
        assert times == [times[0], times[0], times[0] + 10]
        clock.advance(-3600)
        with pytest.raises(OperatorError, match="3600 s behind"):
            await book.add(question(8, 9))
        clock.advance(3600)
        assert isinstance(await book.add(question(8, 9)), bytes)

    asyncio.run(with_book(tmp_path / "witness.sqlite", use, clock.now))


def test_junk_signatures_are_neither_stored_nor_in_the_way(tmp_path: Path) -> None:
    junk = b"".join(f"— grease.test/{n} AAAAAAAA\n".encode() for n in range(99))

    async def use(book: Book) -> None:
        assert isinstance(await book.add(question(0, 6) + junk), bytes)
        note = await book.last(checkpoint_path(ORIGIN))
        assert note is not None
        assert note.startswith(signed(6))
        assert note.count(b"\n") == signed(6).count(b"\n") + 1

    asyncio.run(with_book(tmp_path / "witness.sqlite", use))


def test_a_file_of_another_witness_and_the_key_of_a_log_are_refused(tmp_path: Path) -> None:
    async def nothing(book: Book) -> None:
        assert book.key == WITNESS_KEY

    asyncio.run(with_book(tmp_path / "witness.sqlite", nothing))
    with pytest.raises(OperatorError, match="is the file of"):
        asyncio.run(open_book(tmp_path / "witness.sqlite", signer_of("witness.test/2", bytes(32)), [KEY]))
    with pytest.raises(OperatorError, match="a log's key as well"):
        asyncio.run(open_book(tmp_path / "other.sqlite", LOG, [KEY]))
    (tmp_path / "broken.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(OperatorError, match="file failed"):
        asyncio.run(open_book(tmp_path / "broken.sqlite", WITNESS, [KEY]))


def test_a_question_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    async def run() -> None:
        async with real(tmp_path / "witness.sqlite") as url:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            head = f"POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: {10 * LARGEST_BODY}\r\n\r\n"
            writer.write(head.encode() + b"x" * (LARGEST_BODY + 1))
            await writer.drain()
            assert b" 413 " in await reader.readline()
            writer.close()

    asyncio.run(run())


# --- the client ------------------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Asking:
    """Three witnesses of which two must cosign, and a log's side of it."""

    servers: list[WitnessServer]
    policy: Policy
    client: Witnesses
    evidence: dict[str, bytes] = field(default_factory=dict)

    async def cosigned(self, size: int, leaves: Sequence[bytes] = LEAVES) -> set[str] | None:
        """Who cosigned, None without a quorum."""

        async def prove(old: int) -> Sequence[bytes]:
            return prove_consistency(old, size, hashes_of(leaves))

        note = await self.client.cosign(signed(size, leaves), prove)
        if note is None:
            return None
        assert note.startswith(signed(size, leaves))
        opened = accept(self.policy, note, KEY)
        assert opened.checkpoint.size == size
        return {each.key.name.rpartition("/")[2] for each in opened.cosignatures}

    async def recovers(self, size: int) -> None:
        """All cosign again, soon: a machine that is busy may make one of them late."""
        for larger in range(size, len(LEAVES)):
            if await self.cosigned(larger) == set(NAMES):
                return
        raise AssertionError("they do not recover")


def policy_of(servers: Sequence[WitnessServer], quorum: str = "group g 2 w1 w2 w3\nquorum g\n") -> Policy:
    lines = [f"witness {s.name.rpartition('/')[2]} {s.key.text} {s.url}\n" for s in servers]
    return parse_policy("".join([f"log {KEY.text}\n", *lines, quorum]).encode())


@asynccontextmanager
async def asking(*, patience: float = 20, grace: float = 20, **faults: WitnessFault) -> AsyncIterator[Asking]:
    async with AsyncExitStack() as stack:
        servers = [WitnessServer(name=f"witness.test/{name}", logs=[KEY]) for name in NAMES]
        for server in servers:
            await stack.enter_async_context(server)
        for name, fault in faults.items():
            servers[NAMES.index(name)].fault = fault
        evidence: dict[str, bytes] = {}

        async def keep(name: str, both: bytes) -> None:
            evidence[name] = both

        policy = policy_of(servers)
        client = ask_witnesses(policy, KEY, keep=keep, patience=patience, grace=grace)
        stack.push_async_callback(client.aclose)
        yield Asking(servers=servers, policy=policy, client=client, evidence=evidence)


def test_all_that_cosign_are_in_the_note() -> None:
    async def run() -> None:
        async with asking() as three:
            for size in (0, 1, 6, 6, 8, 40):
                assert await three.cosigned(size) == set(NAMES)
            assert [server.asked for server in three.servers] == [6, 6, 6]

    asyncio.run(run())


def test_a_client_that_starts_anew_learns_the_size_and_proves_from_there() -> None:
    async def run() -> None:
        async with asking() as three:
            assert await three.cosigned(6) == set(NAMES)
            other = ask_witnesses(three.policy, KEY, keep=never, patience=20, grace=20)
            again = Asking(servers=three.servers, policy=three.policy, client=other)
            assert await again.cosigned(8) == set(NAMES)
            await other.aclose()
            assert [server.asked for server in three.servers] == [3, 3, 3]

    asyncio.run(run())


async def never(name: str, both: bytes) -> None:
    raise AssertionError(f"nothing speaks against this log, but {name!r} was kept: {both!r}")


@pytest.mark.parametrize("fault", list(WitnessFault))
def test_one_faulty_witness_of_three_is_left_out_and_told_once(
    fault: WitnessFault, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with asking(grace=0.3 if fault is WitnessFault.SLOW else 20, w2=fault) as three:
            for size in (6, 8, 9):
                assert await three.cosigned(size) == {"w1", "w3"}
            assert three.evidence == {}
            three.servers[1].fault = None
            await three.recovers(10)

    asyncio.run(run())
    told = [record.message for record in caplog.records]
    assert len(told) == 2, told
    assert told[0].startswith("the witness 'w2' does not cosign: ")
    assert told[1] == "the witness 'w2' cosigns again"
    assert "\x1b" not in caplog.text


@pytest.mark.parametrize("fault", [WitnessFault.DOWN, WitnessFault.SLOW, WitnessFault.FALSE, WitnessFault.LARGER])
def test_two_faulty_witnesses_of_three_make_no_quorum_however_they_fail(fault: WitnessFault) -> None:
    async def run() -> None:
        async with asking(patience=0.5 if fault is WitnessFault.SLOW else 20, w1=fault, w3=fault) as three:
            assert await three.cosigned(6) is None
            assert await three.cosigned(8) is None
            for server in three.servers:
                server.fault = None
            await three.recovers(9)

    asyncio.run(run())


def test_a_witness_that_is_gone_and_comes_back_is_asked_again() -> None:
    async def run() -> None:
        async with asking() as three:
            port = int(three.servers[0].url.rpartition(":")[2])
            await three.servers[0].__aexit__(None, None, None)
            with pytest.raises(OSError):
                await asyncio.open_connection("127.0.0.1", port)
            assert await three.cosigned(6) == {"w2", "w3"}

    asyncio.run(run())


def test_a_slow_witness_holds_nothing_up_once_the_quorum_is_met() -> None:
    async def run() -> None:
        async with asking(grace=0.5) as three:
            three.servers[2].delay_s = 15
            async with asyncio.timeout(10):
                assert await three.cosigned(6) == {"w1", "w2"}
            three.servers[2].delay_s = 0.1
            await three.recovers(8)

    asyncio.run(run())


def test_a_cosignature_of_the_future_does_not_count_whosever_clock_is_wrong(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with asking() as three:
            clock = ManualClock(0.0)
            client = ask_witnesses(three.policy, KEY, keep=never, now=clock.now)
            behind = Asking(servers=three.servers, policy=three.policy, client=client)
            assert await behind.cosigned(6) is None
            await client.aclose()

    asyncio.run(run())
    assert "in the future; see to both clocks" in caplog.text


def test_a_rewritten_log_gets_no_quorum_and_keeps_the_evidence_against_itself(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with asking() as three:
            assert await three.cosigned(6) == set(NAMES)
            for size in (6, 9):
                assert await three.cosigned(size, FORK) is None
            assert len(three.evidence) == 1
            (both,) = three.evidence.values()
            assert both.endswith(b"\n" + signed(6, FORK))
            assert both.startswith(signed(6))
            assert await three.cosigned(8) == set(NAMES)

    asyncio.run(run())
    assert caplog.text.count("THE LOG CONTRADICTS ITSELF") == 1


def test_a_log_that_was_put_back_hears_that_it_signed_a_larger_one(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with asking() as three:
            assert await three.cosigned(9) == set(NAMES)
            assert await three.cosigned(6) is None
            assert three.evidence == {}

    asyncio.run(run())
    assert "a checkpoint of 9 entries that this log signed, and here there are 6" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("log {other}\nwitness w1 {w1} http://a\nquorum w1\n", "does not list the log"),
        ("witness w1 {w1}\nquorum w1\n", "can never be met"),
        ("witness w1 {w1} http://a\nwitness w2 {w2}\ngroup g all w1 w2\nquorum g\n", "can never be met"),
        ("witness w1 {w1} ftp://a\nquorum w1\n", "http://"),
    ],
    ids=["another log's", "no address", "one without address", "another scheme"],
)
def test_a_policy_that_can_not_work_is_refused_at_the_start(text: str, message: str) -> None:
    w1, w2 = (WitnessServer(name=name, logs=[]).key.text for name in ("witness.test/1", "witness.test/2"))
    policy = parse_policy(text.format(other=signer_of("other.test", bytes(32)).vkey, w1=w1, w2=w2).encode())
    with pytest.raises(OperatorError, match=message):
        ask_witnesses(policy, KEY, keep=never)


def test_without_a_quorum_to_meet_what_was_got_is_shown() -> None:
    async def run() -> None:
        async with asking(w1=WitnessFault.DOWN, w2=WitnessFault.GARBAGE) as three:
            policy = policy_of(three.servers, "quorum none\n")
            client = ask_witnesses(policy, KEY, keep=never, patience=20, grace=20)
            best = Asking(servers=three.servers, policy=policy, client=client)
            assert await best.cosigned(6) == {"w3"}
            await client.aclose()

    asyncio.run(run())


# --- a log with witnesses --------------------------------------------------------------------------------------------


def test_a_log_goes_on_and_promises_while_its_witnesses_are_down_and_lie_and_come_back() -> None:
    rows, files = SharedRows(), SharedFiles()

    def shown() -> tuple[int, int]:
        """Entries under the shown checkpoint, and how many witnesses cosigned it."""
        opened = open_cosigned(files.files[CHECKPOINT], [KEY], keys)
        return opened.checkpoint.size, len(opened.cosignatures)

    async def until(expected: tuple[int, int]) -> None:
        for _ in range(1000):
            if shown() == expected:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{shown()} is shown, not {expected}")

    async def add(log: TransparencyLog, entry: bytes) -> None:
        await included(log, (await log.append(entry)).leaf)

    keys: list[CosignerKey] = []

    async def run() -> None:
        async with asking() as three:
            keys.extend(server.key for server in three.servers)
            log = await start(memory_parts(rows, files, cosigner=three.client), one_key(LOG), period=0.01)
            await add(log, b"all three")
            await until((1, 3))
            three.servers[0].fault = WitnessFault.DOWN
            await add(log, b"one is down")
            await until((2, 2))
            three.servers[1].fault = WitnessFault.LARGER
            await add(log, b"one is down and one lies")
            await asyncio.sleep(1.2)
            assert shown() == (2, 2)
            assert open_checkpoint(files.files[PENDING], KEY).size == 3
            three.servers[0].fault = None
            await until((3, 2))
            await log.aclose()

    asyncio.run(run())


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
