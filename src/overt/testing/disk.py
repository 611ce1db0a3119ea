"""A disk that forgets at a power cut what was not synced, and one that says it synced and did not.

disk = ForgetfulDisk(power=40)                 # the 41st call and all after it fail
tiles = open_folder(folder, unwatched, disk)   # ... run a log on it until it fails
disk.lose(random.Random(7))                    # the folder is now what a restart might find

What may be left is what POSIX allows and journals do: of a file whose bytes were not synced, nothing, a part, or all;
of the names of a folder, those of the last sync and then the first few changes since, as many as chance says.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import final

from overt.log.disk import SYSTEM


@final
class PowerLost(OSError):
    """There is no power any more."""


@final
class _File:
    """A file's bytes, whatever its names are. A folder has none."""

    def __init__(self, data: bytes | None) -> None:
        self.data = data
        self.synced = False


_Names = dict[Path, _File | None]


@final
class ForgetfulDisk:
    """A `Disk` over real folders. ``power`` is how many calls it lasts; ``lies`` says that syncs do nothing."""

    def __init__(self, power: int | None = None, *, lies: bool = False) -> None:
        self._power = power
        self._lies = lies
        self._names: dict[Path, _File] = {}
        self._durable: dict[Path, _File] = {}
        self._changes: dict[Path, list[_Names]] = {}
        self.calls = 0

    def create(self, path: Path, data: bytes, mode: int) -> None:
        """See `Disk`."""
        self._call()
        SYSTEM.create(path, data, mode)
        self._change(path.parent, {path: _File(data)})

    def sync(self, path: Path) -> None:
        """See `Disk`."""
        self._call()
        if not self._lies:
            self._names[path].synced = True

    def sync_folder(self, folder: Path) -> None:
        """See `Disk`."""
        self._call()
        if not self._lies:
            for change in self._changes.pop(folder, []):
                self._settle(change)

    def replace(self, source: Path, target: Path) -> None:
        """See `Disk`."""
        self._call()
        SYSTEM.replace(source, target)
        self._change(target.parent, {source: None, target: self._names[source]})

    def link(self, source: Path, target: Path) -> None:
        """See `Disk`."""
        self._call()
        SYSTEM.link(source, target)
        self._change(target.parent, {target: self._names[source]})

    def remove(self, path: Path) -> None:
        """See `Disk`."""
        self._call()
        SYSTEM.remove(path)
        if path in self._names:
            self._change(path.parent, {path: None})

    def make_folder(self, folder: Path) -> None:
        """See `Disk`."""
        self._call()
        SYSTEM.make_folder(folder)
        if folder not in self._names:
            self._change(folder.parent, {folder: _File(None)})

    def remove_folder(self, folder: Path) -> None:
        """See `Disk`."""
        self._call()
        SYSTEM.remove_folder(folder)
        gone = [path for path in self._names if folder in path.parents]
        self._change(folder, dict.fromkeys(gone))
        if folder in self._names:
            self._change(folder.parent, {folder: None})

    def lose(self, dice: random.Random) -> None:
        """Leave in the folders what a restart after the cut might find."""
        for path in sorted(self._names, reverse=True):
            if self._names[path].data is None:
                SYSTEM.remove_folder(path)
            else:
                SYSTEM.remove(path)
        for folder in sorted(self._changes):
            changes = self._changes[folder]
            for change in changes[: dice.randint(0, len(changes))]:
                self._settle(change)
        for path, file in sorted(self._durable.items()):
            if not path.parent.is_dir():
                continue
            if file.data is None:
                SYSTEM.make_folder(path)
            elif not path.exists():
                kept = len(file.data) if file.synced else dice.choice((0, len(file.data) // 2, len(file.data)))
                SYSTEM.create(path, file.data[:kept], 0o644)

    def _call(self) -> None:
        self.calls += 1
        if self._power is not None and self.calls > self._power:
            raise PowerLost(5, "the power is cut")

    def _change(self, folder: Path, change: _Names) -> None:
        self._changes.setdefault(folder, []).append(change)
        for path, file in change.items():
            if file is None:
                self._names.pop(path, None)
            else:
                self._names[path] = file

    def _settle(self, change: _Names) -> None:
        for path, file in change.items():
            if file is None:
                self._durable.pop(path, None)
            else:
                self._durable[path] = file
