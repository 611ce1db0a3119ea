"""A release is checked, logged and pointed to before it decides, or the gateway does not start."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from overt.classify.release import ARRAYS, MANIFEST, VOCABULARY
from overt.config.settings import DEFAULT_ORIGIN, Settings
from overt.core.finding import Release
from overt.errors import BadRelease, OperatorError, OvertError, VerificationFailed
from overt.gateway.activate import Candidate, Home, activate, roll_back
from overt.gateway.compose import opened
from overt.gateway.releases import (
    CARDS,
    EVALUATION,
    POINTER,
    SIGNATURE,
    changing,
    folder_of,
    read_pointer,
    sign_release,
    write_pointer,
)
from overt.log.files import directory_reader
from overt.log.keys import signer_of
from overt.policy.bundle import bundled_text, load_bundled
from overt.proof import tiles
from overt.proof.note import open_checkpoint, parse_vkey
from overt.proof.statement import decode_entry, encode_entry
from overt.testing.clock import ManualClock
from overt.testing.log import known_signer
from overt.testing.releases import write_tiny_release

CLOCK = ManualClock()


@dataclass(frozen=True)
class Made:
    """Three releases in folders: one that stands for the shipped one, and two to activate."""

    shipped: Path
    first: Path
    second: Path
    releases: tuple[Release, Release, Release]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("releases")
    shipped, first, second = (folder / name for name in ("shipped", "first", "second"))
    releases = (
        write_tiny_release(shipped, version="shipped"),
        write_tiny_release(first, version="first"),
        write_tiny_release(second, version="second"),
    )
    (first / CARDS).mkdir()
    (first / CARDS / "cyber.md").write_text("# the card of the first")
    (first / EVALUATION).write_text("{}")
    (first / "notes.txt").write_text("not ours to copy")
    return Made(shipped, first, second, releases)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(data=tmp_path / "data", origin=DEFAULT_ORIGIN)


def put_to_use(home: Home, folder: Path, **members: object) -> None:
    asyncio.run(activate(home, Candidate(folder=folder, **members), CLOCK))  # type: ignore[arg-type]


def started(home: Home, made: Made) -> Release:
    """Start a gateway and end it again: the release that it used."""

    async def run() -> Release:
        settings = replace(Settings.default(), data=str(home.data))
        text = bundled_text("default").encode()
        async with opened(
            settings, load_bundled("default"), text, public_url="http://gw", weights=made.shipped
        ) as gateway:
            return gateway.classifier.release

    return asyncio.run(run())


def announced(home: Home) -> list[str]:
    """The digests of the classifiers in the log, in order."""
    return [entry["digest"] for entry in logged(home) if entry["type"] == "classifier"]


def logged(home: Home) -> list[dict[str, Any]]:
    """Every entry of the log, in order."""
    reader = directory_reader(home.log)
    note = reader(tiles.CHECKPOINT)
    assert note is not None
    size = open_checkpoint(note, parse_vkey(home.signer().vkey)).size
    return [json.loads(entry) for bundle in tiles.bundles_of(size) for entry in tiles.read_entries(reader, bundle)]


def test_without_a_pointer_the_shipped_release_is_used_and_announced(home: Home, made: Made) -> None:
    assert started(home, made) == made.releases[0]
    assert announced(home) == [made.releases[0].digest]


def test_an_activated_release_is_used_from_the_next_start_and_announced_once_before_it(home: Home, made: Made) -> None:
    put_to_use(home, made.first)
    assert announced(home) == [made.releases[1].digest]
    assert [started(home, made) for _ in range(2)] == [made.releases[1]] * 2
    assert announced(home) == [made.releases[1].digest]


def test_a_copy_holds_the_release_with_its_cards_and_evaluation_and_nothing_else(home: Home, made: Made) -> None:
    put_to_use(home, made.first)
    folder = folder_of(home.releases, made.releases[1].digest)
    kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert kept == {MANIFEST, ARRAYS, VOCABULARY, EVALUATION, f"{CARDS}/cyber.md"}
    assert {path.name for path in home.releases.iterdir()} == {folder.name, POINTER, "lock"}


def test_a_release_that_fails_a_gate_is_not_used_and_nothing_is_changed(home: Home, made: Made) -> None:
    with pytest.raises(OperatorError, match=r"must pass.*--despite"):
        put_to_use(home, made.first, failed=("must pass",))
    assert not home.data.exists()


def test_a_reason_overrides_the_gates_and_is_recorded(home: Home, made: Made) -> None:
    put_to_use(home, made.first, failed=("must pass",), reason="an incident")
    active = read_pointer(home.releases).active
    assert active is not None
    assert (active.failed, active.reason) == (("must pass",), "an incident")


def test_a_running_gateway_goes_on_with_its_release_and_includes_the_announcement(home: Home, made: Made) -> None:
    async def run() -> None:
        settings = replace(Settings.default(), data=str(home.data))
        text = bundled_text("default").encode()
        async with opened(
            settings, load_bundled("default"), text, public_url="http://gw", weights=made.shipped
        ) as gateway:
            await activate(home, Candidate(folder=made.first), CLOCK)
            assert gateway.classifier.release == made.releases[0]
            assert announced(home) == [made.releases[0].digest, made.releases[1].digest]

    asyncio.run(run())
    assert started(home, made) == made.releases[1]


# --- what is refused at the start ------------------------------------------------------------------------------------


def _missing(home: Home, folder: Path) -> None:
    del home
    shutil.rmtree(folder)


def _altered(name: str) -> Callable[[Home, Path], None]:
    def spoil(home: Home, folder: Path) -> None:
        del home
        raw = bytearray((folder / name).read_bytes())
        raw[len(raw) // 2] ^= 1
        (folder / name).write_bytes(raw)

    return spoil


def _manifest_of_another_version(home: Home, folder: Path) -> None:
    del home
    text = (folder / MANIFEST).read_text(encoding="utf-8")
    (folder / MANIFEST).write_text(text.replace('"version": "first"', '"version": "other"'), encoding="utf-8")


def _file_missing(home: Home, folder: Path) -> None:
    del home
    (folder / VOCABULARY).unlink()


def _log_lost(home: Home, folder: Path) -> None:
    del folder
    shutil.rmtree(home.log)


def _entry_never_logged(home: Home, folder: Path) -> None:
    """As if somebody had written the pointer by hand."""
    del folder
    pointer = read_pointer(home.releases)
    assert pointer.active is not None
    entry = decode_entry(pointer.active.entry)
    later = encode_entry(replace(entry, minute=60))
    write_pointer(home.releases, replace(pointer, active=replace(pointer.active, entry=later)))


def _entry_of_another_release(home: Home, folder: Path) -> None:
    """An entry that is in the log, of the release before."""
    del folder
    pointer = read_pointer(home.releases)
    assert pointer.active is not None
    write_pointer(home.releases, replace(pointer, active=replace(pointer.active, entry=pointer.before[-1].entry)))


def _pointer_damaged(home: Home, folder: Path) -> None:
    del folder
    (home.releases / POINTER).write_bytes(b"{}\n")


REFUSED: dict[str, tuple[Callable[[Home, Path], None], str]] = {
    "missing": (_missing, "is missing: there is no folder"),
    "altered weights": (_altered(ARRAYS), rf"was altered.*'{ARRAYS}': expected digest"),
    "altered words": (_altered(VOCABULARY), rf"was altered.*'{VOCABULARY}': expected digest"),
    "altered manifest": (_altered(MANIFEST), "was altered|another digest"),
    "wrong digest": (_manifest_of_another_version, "has another digest"),
    "a file missing": (_file_missing, rf"was altered.*'{VOCABULARY}'"),
    "another log": (_log_lost, "is not in the log.*does not hold the entry"),
    "never logged": (_entry_never_logged, "is not in the log.*does not hold the entry"),
    "logged is another": (_entry_of_another_release, "is not in the log.*it announces 'sha256:"),
    "a damaged pointer": (_pointer_damaged, "is damaged"),
}


@pytest.mark.parametrize(("spoil", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_a_gateway_does_not_start_on_a_release_that_is_not_what_was_activated(
    home: Home, made: Made, spoil: Callable[[Home, Path], None], says: str
) -> None:
    put_to_use(home, made.second)
    put_to_use(home, made.first)
    spoil(home, folder_of(home.releases, made.releases[1].digest))
    with pytest.raises(OperatorError, match=says) as refused:
        started(home, made)
    assert "rollback" in str(refused.value) or "restore it from a backup" in str(refused.value)


REPAIRED = [name for name in REFUSED if name not in ("never logged", "logged is another", "a damaged pointer")]


@pytest.mark.parametrize("name", REPAIRED)
def test_activating_the_same_release_again_repairs_what_was_lost(home: Home, made: Made, name: str) -> None:
    put_to_use(home, made.first)
    before = read_pointer(home.releases)
    REFUSED[name][0](home, folder_of(home.releases, made.releases[1].digest))
    with pytest.raises(OperatorError):
        started(home, made)
    put_to_use(home, made.first)
    assert read_pointer(home.releases) == before
    assert started(home, made) == made.releases[1]


def test_a_log_that_was_begun_anew_is_told_of_everything_again(home: Home, made: Made) -> None:
    put_to_use(home, made.first)
    started(home, made)
    shutil.rmtree(home.log)
    with pytest.raises(OperatorError, match="not in the log"):
        started(home, made)
    put_to_use(home, made.first)
    started(home, made)
    assert sorted(entry["type"] for entry in logged(home)) == ["classifier", "key", "policy"]


# --- going back ------------------------------------------------------------------------------------------------------


def test_a_rollback_goes_back_to_the_release_before_and_then_to_the_shipped_one(home: Home, made: Made) -> None:
    put_to_use(home, made.first)
    put_to_use(home, made.second)
    assert started(home, made) == made.releases[2]
    asyncio.run(roll_back(home, CLOCK, "too eager"))
    assert started(home, made) == made.releases[1]
    asyncio.run(roll_back(home, CLOCK))
    assert started(home, made) == made.releases[0]
    with pytest.raises(OperatorError, match="nothing to go back to"):
        asyncio.run(roll_back(home, CLOCK))
    assert len(read_pointer(home.releases).changes) == 4
    assert sorted(announced(home)) == sorted(release.digest for release in made.releases)


def test_a_rollback_to_a_release_that_was_altered_is_refused_and_the_pointer_stays(home: Home, made: Made) -> None:
    put_to_use(home, made.first)
    put_to_use(home, made.second)
    before = read_pointer(home.releases)
    _altered(ARRAYS)(home, folder_of(home.releases, made.releases[1].digest))
    with pytest.raises(OperatorError, match="was altered"):
        asyncio.run(roll_back(home, CLOCK))
    assert read_pointer(home.releases) == before


def test_two_commands_do_not_change_the_pointer_at_once(home: Home, made: Made) -> None:
    with changing(home.releases), pytest.raises(OperatorError, match="another command"):
        put_to_use(home, made.first)
    put_to_use(home, made.first)
    assert started(home, made) == made.releases[1]


# --- failures on the way ---------------------------------------------------------------------------------------------


def test_a_log_that_cannot_be_written_moves_no_pointer(home: Home, made: Made) -> None:
    home.data.mkdir()
    home.log.write_text("in the way")
    with pytest.raises(OperatorError):
        put_to_use(home, made.first)
    assert read_pointer(home.releases).active is None
    home.log.unlink()
    put_to_use(home, made.first)
    assert started(home, made) == made.releases[1]


def test_a_crash_before_the_pointer_moved_leaves_the_release_before_in_use(home: Home, made: Made) -> None:
    put_to_use(home, made.first)
    before = read_pointer(home.releases)
    put_to_use(home, made.second)
    write_pointer(home.releases, before)  # copied and logged, and then nothing
    assert started(home, made) == made.releases[1]
    put_to_use(home, made.second)
    assert started(home, made) == made.releases[2]


def test_an_altered_release_is_not_even_copied(home: Home, made: Made, tmp_path: Path) -> None:
    shutil.copytree(made.first, tmp_path / "bad")
    _altered(ARRAYS)(home, tmp_path / "bad")
    with pytest.raises(BadRelease, match=ARRAYS):
        put_to_use(home, tmp_path / "bad")
    assert {path.name for path in home.releases.iterdir()} == {"lock"}


# --- signatures ------------------------------------------------------------------------------------------------------


def test_a_signed_release_is_activated_with_its_key_and_its_signature_is_kept(
    home: Home, made: Made, tmp_path: Path
) -> None:
    signer = known_signer("ours.test/releases")
    shutil.copytree(made.first, tmp_path / "signed")
    sign_release(tmp_path / "signed", signer)
    put_to_use(home, tmp_path / "signed", vkey=signer.vkey)
    active = read_pointer(home.releases).active
    assert active is not None
    assert active.signed_by == signer.vkey
    assert (folder_of(home.releases, active.digest) / SIGNATURE).is_file()


def _unsigned(folder: Path) -> None:
    del folder


def _by_a_stranger(folder: Path) -> None:
    sign_release(folder, signer_of("ours.test/releases", bytes(32)))


def _garbled(folder: Path) -> None:
    (folder / SIGNATURE).write_bytes(b"{}")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [(_unsigned, "there is no"), (_by_a_stranger, "none of its 1"), (_garbled, "of the type None")],
    ids=["unsigned", "signed by another", "garbled"],
)
def test_a_release_that_the_key_did_not_sign_is_refused_and_not_kept(
    home: Home, made: Made, tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    shutil.copytree(made.first, tmp_path / "other")
    spoil(tmp_path / "other")
    with pytest.raises(VerificationFailed, match=says):
        put_to_use(home, tmp_path / "other", vkey=known_signer("ours.test/releases").vkey)
    assert {path.name for path in home.releases.iterdir()} == {"lock"}


def test_a_signature_of_another_release_does_not_pass(home: Home, made: Made, tmp_path: Path) -> None:
    signer = known_signer("ours.test/releases")
    for name in ("first", "second"):
        shutil.copytree(made.shipped.parent / name, tmp_path / name)
    sign_release(tmp_path / "first", signer)
    shutil.copy(tmp_path / "first" / SIGNATURE, tmp_path / "second" / SIGNATURE)
    with pytest.raises(VerificationFailed, match="another manifest"):
        put_to_use(home, tmp_path / "second", vkey=signer.vkey)


def test_an_altered_release_cannot_be_signed(made: Made, tmp_path: Path) -> None:
    shutil.copytree(made.first, tmp_path / "bad")
    (tmp_path / "bad" / VOCABULARY).write_text("other")
    with pytest.raises(OvertError, match=VOCABULARY):
        sign_release(tmp_path / "bad", known_signer())
    assert not (tmp_path / "bad" / SIGNATURE).exists()
