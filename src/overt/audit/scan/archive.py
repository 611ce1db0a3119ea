"""Members of a zip archive, also those packed with zstd (method 93), which `zipfile` reads only from Python 3.14 on.

The central directory is read by `zipfile`; members are read in place from a map of the file, checked by length and
CRC-32. Of a large JSON object only the members up to a name can be parsed, which is why ten thousand samples take a
second: what an Inspect sample did comes after what it answered.
"""

from __future__ import annotations

import importlib
import json
import mmap
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, final

from overt.errors import BadRequest, OperatorError

LARGEST: Final = 1 << 30
"""The largest member that is unpacked."""
_LOCAL: Final = struct.Struct("<4s22xHH")
_SPACE: Final = " \t\r\n"


@final
class Archive:
    """An open archive. Close it."""

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            with zipfile.ZipFile(path) as archive:
                self._infos = {info.filename: info for info in archive.infolist()}
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise BadRequest(f"{str(path)!r} is no readable zip archive: {error}; is the log complete?") from error
        self._unpack: Callable[[bytes, int], bytes] | None = None

    @property
    def names(self) -> Mapping[str, zipfile.ZipInfo]:
        """Every member; of several by one name the last, as writers mean it."""
        return self._infos

    def read(self, name: str) -> bytes:
        """The bytes of a member, or `BadRequest` if it is damaged."""
        info = self._infos[name]
        if info.file_size > LARGEST:
            raise BadRequest(f"{name!r} unpacks to {info.file_size} bytes, allowed are {LARGEST}")
        try:
            raw = self._unpacked(info)
        except BadRequest:
            raise
        except (zlib.error, struct.error, ValueError, self._fault()) as error:
            raise BadRequest(f"{name!r} cannot be unpacked: {error}; the archive is damaged") from error
        if len(raw) != info.file_size or zlib.crc32(raw) != info.CRC:
            raise BadRequest(f"{name!r} is not what its checksum says; the archive is damaged")
        return raw

    def json(self, name: str) -> Any:
        """A member's JSON value, or `BadRequest`."""
        try:
            return json.loads(self.read(name))
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"{name!r} is not JSON: {error}") from error

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()

    def _unpacked(self, info: zipfile.ZipInfo) -> bytes:
        magic, name_length, extra_length = _LOCAL.unpack_from(self._map, info.header_offset)
        if magic != b"PK\x03\x04":
            raise ValueError("there is no member where the directory says")
        start = info.header_offset + _LOCAL.size + name_length + extra_length
        packed = self._map[start : start + info.compress_size]
        match info.compress_type:
            case zipfile.ZIP_STORED:
                return packed
            case zipfile.ZIP_DEFLATED:
                return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, info.file_size + 1)
            case 93:  # zstd (APPNOTE 4.4.5)
                self._unpack = self._unpack or _zstd()
                return self._unpack(packed, info.file_size)
            case other:
                raise BadRequest(f"{info.filename!r} is packed by method {other}; zstd, deflate and none are read")

    def _fault(self) -> type[Exception]:
        """What zstd raises; its own type, which is known once it is loaded."""
        return getattr(self._unpack, "fault", ValueError)


@final
class _Zstd:
    """Unpacks with either library; ``fault`` is what it raises."""

    def __init__(self, unpack: Callable[[bytes, int], bytes], fault: type[Exception]) -> None:
        self._unpack = unpack
        self.fault = fault

    def __call__(self, packed: bytes, size: int) -> bytes:
        return self._unpack(packed, size)


def _zstd() -> Callable[[bytes, int], bytes]:
    # Late imports: an optional library, wanted only where an archive is packed with it.
    try:
        found = importlib.import_module("zstandard")
        unpacker = found.ZstdDecompressor()
        return _Zstd(lambda packed, size: unpacker.decompress(packed, max_output_size=max(size, 1)), found.ZstdError)
    except ModuleNotFoundError:
        return _standard_zstd()


def _standard_zstd() -> Callable[[bytes, int], bytes]:
    try:
        found = importlib.import_module("compression.zstd")
    except ModuleNotFoundError as error:
        raise OperatorError("logs of Inspect are packed with zstd: pip install 'overt[inspect]'") from error
    return _Zstd(lambda packed, size: found.ZstdDecompressor().decompress(packed, max_length=size + 1), found.ZstdError)


def members_before(text: str, last: str) -> dict[str, Any] | None:
    """The members of a JSON object that stand before one by this name, all if there is none; None if it is no object.

    Raises ValueError where it is not JSON. What follows that name is not read, and so not checked.
    """
    decode = json.JSONDecoder().raw_decode
    found: dict[str, Any] = {}
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        return None
    at = _skip(text, at + 1)
    while text[at : at + 1] == '"':
        name, at = decode(text, at)
        if name == last:
            return found
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise ValueError(f"expected ':' at character {at}")
        found[name], at = decode(text, _skip(text, at + 1))
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
    if text[at : at + 1] != "}":
        raise ValueError(f"expected '}}' at character {at}")
    return found


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] in _SPACE and at < len(text):
        at += 1
    return at
