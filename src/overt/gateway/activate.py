"""Putting a release to use, and going back: `overt.gateway.releases` in the right order, with the log.

No gateway that runs is touched: it goes on with the release that it started with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from overt.classify.release import MANIFEST
from overt.config.settings import LogSettings
from overt.core.finding import Release
from overt.errors import OperatorError
from overt.gateway.logs import key_place, opening_of
from overt.gateway.places import ARCHIVE_FOLDER, KEY_FOLDER, LOG_FOLDER, RELEASE_FOLDER, private_folder
from overt.gateway.pointer import Activation, Pointer, activated, rolled_back
from overt.gateway.releases import (
    changing,
    copy_release,
    folder_of,
    read_active,
    read_pointer,
    write_pointer,
)
from overt.log.include import include_in
from overt.log.keys import log_signer
from overt.log.rotation import KeyPlace, notary_of
from overt.ports import Archive, Clock, Signer
from overt.proof.statement import Announcement, Subject, encode_entry
from overt.store.archive import FolderArchive


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a gateway keeps its things, what its log is called, and how that is kept."""

    data: Path
    origin: str
    kept: LogSettings = field(default_factory=LogSettings)

    @property
    def releases(self) -> Path:
        """The folder of releases."""
        return self.data / RELEASE_FOLDER

    @property
    def log(self) -> Path:
        """The folder of the log."""
        return self.data / LOG_FOLDER

    @property
    def archive(self) -> Archive:
        """What the log's digests lead to."""
        return FolderArchive(self.data / ARCHIVE_FOLDER)

    @property
    def place(self) -> KeyPlace:
        """Where the log's keys are."""
        return key_place(self.data)

    async def include(self, entry: bytes) -> None:
        """Put an entry into the log, whether or not a gateway runs it at that moment."""
        await include_in(opening_of(self.data, self.kept), notary_of(self.place, self.signer(), self.origin), entry)

    def signer(self) -> Signer:
        """The log's key, made where there is none."""
        return log_signer(private_folder(self.data / KEY_FOLDER) / "log.key", self.origin)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A release that is to be used: its folder, its evaluation if that lies elsewhere, the gates that it fails and why
    it is used all the same, and the key that must have signed it, None to check no signature."""

    folder: Path
    evaluation: Path | None = None
    failed: tuple[str, ...] = ()
    reason: str | None = None
    vkey: str | None = None


async def activate(home: Home, candidate: Candidate, clock: Clock) -> Pointer:
    """Copy, announce in the log, point. Raises `OperatorError` and changes nothing if a gate fails without a reason.

    A release that is in use already is copied anew, and its entry is put into the log if it is not there.
    """
    if candidate.failed and candidate.reason is None:
        raise OperatorError(f"the release fails {', '.join(candidate.failed)}; use another, or say why with --despite")
    with changing(home.releases):
        pointer = read_pointer(home.releases)
        copied = copy_release(candidate.folder, home.releases, evaluation=candidate.evaluation, vkey=candidate.vkey)
        release = copied.parts.model.release
        if pointer.active is not None and pointer.digest == release.digest:
            await home.include(pointer.active.entry)
            return pointer
        activation = Activation(
            digest=release.digest,
            name=release.name,
            version=release.version,
            entry=announcement(release, home.origin, clock),
            when=int(clock.now()),
            failed=candidate.failed,
            reason=candidate.reason,
            signed_by=candidate.vkey,
        )
        await home.archive.keep((copied.folder / MANIFEST).read_bytes())
        await home.include(activation.entry)
        moved = activated(pointer, activation)
        write_pointer(home.releases, moved)
    return moved


async def roll_back(home: Home, clock: Clock, reason: str | None = None) -> Pointer:
    """Point to the release before, if it is whole and in the log; to the shipped one where there was none before."""
    with changing(home.releases):
        moved = rolled_back(read_pointer(home.releases), int(clock.now()), reason)
        if moved.active is not None:
            read_active(folder_of(home.releases, moved.active.digest), moved.active)
            await home.include(moved.active.entry)
        write_pointer(home.releases, moved)
    return moved


def announcement(release: Release, origin: str, clock: Clock) -> bytes:
    """The entry that says that a release may decide from here on."""
    entry = Announcement(
        subject=Subject.CLASSIFIER,
        log=origin,
        minute=int(clock.now()) // 60 * 60,
        name=release.name,
        version=release.version,
        digest=release.digest,
    )
    return encode_entry(entry)
