"""The releases that a gateway may use: ``releases/`` in its data folder, and which of them it uses.

    releases/active.json       the pointer (`overt.gateway.pointer`), swapped whole
    releases/sha256-HEX/       a copy of each release that was activated
    releases/lock              held by the command that changes any of this

The order of effects is the argument. Activating: the copy is whole and checked, then the log includes the
announcement, then the pointer moves. A crash in between leaves a copy or an entry that nothing points to. Going back
moves the pointer alone, after the same checks. A gateway reads the pointer when it starts, and refuses to start on a
release that is missing, altered, other than the pointer says, or not in the log.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from overt.classify.release import MANIFEST, Parts, read_release
from overt.core.domain import Digest
from overt.errors import BadRelease, OperatorError, VerificationFailed
from overt.gateway.places import RELEASE_FOLDER
from overt.gateway.pointer import Activation, Pointer, decode_pointer, encode_pointer
from overt.log.files import sync_folder, write_durably, write_unsynced
from overt.ports import Log, Signer
from overt.proof.dsse import RELEASE
from overt.proof.envelope import open_envelope, sign_envelope
from overt.proof.merkle import leaf_hash
from overt.proof.note import parse_vkey
from overt.proof.statement import Announcement, Subject, decode_entry
from overt.proof.tlogproof import decode_proof, verify_proof

POINTER: Final = "active.json"
SIGNATURE: Final = "manifest.dsse"
EVALUATION: Final = "evaluation.json"
CARDS: Final = "cards"
AGAIN: Final = "go back with `overt release rollback`, or activate a release with `overt release activate`"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class InUse:
    """A release that was read: its folder, its parts, and how it was activated; None for the shipped one."""

    folder: Path
    parts: Parts
    activation: Activation | None

    @property
    def digest(self) -> Digest:
        """The digest of its manifest."""
        return self.parts.model.release.digest


def folder_of(home: Path, digest: Digest) -> Path:
    """Where the copy of a release is."""
    return home / digest.replace(":", "-")


def read_pointer(home: Path) -> Pointer:
    """The pointer; one that points to the shipped release where there is none. Raises `OperatorError`."""
    path = home / POINTER
    try:
        return decode_pointer(path.read_bytes())
    except FileNotFoundError:
        return Pointer()
    except OSError as error:
        raise OperatorError(f"{str(path)!r} cannot be read: {error}; check its owner") from error
    except VerificationFailed as error:
        raise OperatorError(
            f"{str(path)!r} says which release is in use, and is damaged: {error}; restore it from a backup, or move "
            "it away to use the release that comes with the package"
        ) from error


def write_pointer(home: Path, pointer: Pointer) -> None:
    """Swap the pointer, whole and durably."""
    write_durably(home / POINTER, encode_pointer(pointer))


def in_use(data: Path, shipped: Path) -> InUse:
    """The release to start on: the active one, else the shipped one. Raises `OperatorError` if it may not be used."""
    home = data / RELEASE_FOLDER
    activation = read_pointer(home).active
    if activation is None:
        return InUse(folder=shipped, parts=read_release(shipped), activation=None)
    folder = folder_of(home, activation.digest)
    return InUse(folder=folder, parts=read_active(folder, activation), activation=activation)


def read_candidate(folder: Path) -> Parts:
    """The release that is to be tried in shadow."""
    try:
        return read_release(folder)
    except BadRelease as error:
        raise OperatorError(
            f"the release in [classifier] shadow cannot be used: {error}; or leave shadow out of the configuration"
        ) from error


def read_active(folder: Path, activation: Activation) -> Parts:
    """A release that was activated, if every byte of it is still there."""
    what = f"the active release {activation.name} {activation.version} ({activation.digest})"
    if not folder.is_dir():
        raise OperatorError(f"{what} is missing: there is no folder {str(folder)!r}; {AGAIN}")
    try:
        parts = read_release(folder)
    except BadRelease as error:
        raise OperatorError(f"{what} was altered since it was activated: {error}; {AGAIN}") from error
    found = parts.model.release.digest
    if found != activation.digest:
        raise OperatorError(f"{what} has another digest: the manifest in {str(folder)!r} gives {found!r}; {AGAIN}")
    return parts


async def check_logged(log: Log, activation: Activation) -> None:
    """Raise `OperatorError` unless the log proves that it holds the announcement of this very release."""
    what = f"the active release {activation.digest}"
    try:
        entry = decode_entry(activation.entry)
        if not isinstance(entry, Announcement) or entry.subject is not Subject.CLASSIFIER:
            raise VerificationFailed("entry", "it announces no classifier")
        if (entry.digest, entry.log) != (activation.digest, log.origin):
            raise VerificationFailed("entry", f"it announces {entry.digest!r} in the log {entry.log!r}")
        leaf = leaf_hash(activation.entry)
        proof = await log.proof(leaf)
        if proof is None:
            raise VerificationFailed("proof", f"the log {log.origin!r} does not hold the entry {leaf.hex()}")
        verify_proof(decode_proof(proof), leaf, parse_vkey(log.vkey))
    except VerificationFailed as error:
        raise OperatorError(
            f"{what} is not in the log, and nothing may be decided by it: {error}; restore the log, or {AGAIN}"
        ) from error


@contextmanager
def changing(home: Path) -> Iterator[None]:
    """Held by the one command that changes the pointer; raises `OperatorError` if another one does."""
    home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor, home)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, home: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OperatorError(f"another command changes the releases in {str(home)!r}; wait for it to end") from error


def copy_release(source: Path, home: Path, *, evaluation: Path | None = None, vkey: str | None = None) -> InUse:
    """A checked copy of a release with its cards, signature and evaluation, durable under its digest.

    Replaces a copy that is there, so that a damaged one is repaired. With ``vkey``, that key must have signed it.
    """
    digest = read_release(source).model.release.digest
    target = folder_of(home, digest)
    home.mkdir(parents=True, exist_ok=True)
    fresh = home / f".{target.name}.{secrets.token_hex(4)}"
    try:
        _copy(source, fresh, evaluation)
        parts = read_release(fresh)
        if parts.model.release.digest != digest:
            raise OperatorError(f"the release in {str(source)!r} changed while it was copied; copy it again")
        if vkey is not None:
            check_signature(fresh, vkey)
        _put(fresh, target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return InUse(folder=target, parts=parts, activation=None)


def _copy(source: Path, fresh: Path, evaluation: Path | None) -> None:
    """The files of a release that are worth keeping; whatever else lies beside them is not ours."""
    (fresh / CARDS).mkdir(parents=True)
    listed = json.loads((source / MANIFEST).read_bytes())["files"]
    names = [MANIFEST, *(name for name in listed if Path(name).name == name), SIGNATURE, EVALUATION]
    names += [f"{CARDS}/{path.name}" for path in sorted((source / CARDS).glob("*.md"))]
    for name in names:
        if (source / name).is_file():
            write_unsynced(fresh / name, (source / name).read_bytes())
    if evaluation is not None:
        write_unsynced(fresh / EVALUATION, evaluation.read_bytes())
    sync_folder(fresh / CARDS)
    sync_folder(fresh)


def _put(fresh: Path, target: Path) -> None:
    """Give a whole folder its name. A crash in between leaves no folder of that name: activate again."""
    old = target.with_name(f"{fresh.name}.old")
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    sync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def check_signature(folder: Path, vkey: str) -> None:
    """Raise `VerificationFailed` unless this key signed the manifest in a folder."""
    path = folder / SIGNATURE
    if not path.is_file():
        raise VerificationFailed("signature", f"there is no {SIGNATURE!r}; sign with `overt release sign`")
    if open_envelope(path.read_bytes(), RELEASE, parse_vkey(vkey)) != (folder / MANIFEST).read_bytes():
        raise VerificationFailed("signature", "it is of another manifest than the one in this folder")


def sign_release(folder: Path, signer: Signer) -> None:
    """Write the signature of a release beside its manifest. The release is read and checked before."""
    read_release(folder)
    envelope = sign_envelope(RELEASE, (folder / MANIFEST).read_bytes(), parse_vkey(signer.vkey), signer.sign)
    write_durably(folder / SIGNATURE, envelope)
