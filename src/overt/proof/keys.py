"""The keys of one log: the first, and those that followed. Each was announced in the log, signed by one before it.

The announcements also lie beside the log, one canonical entry a line, at `KEYS`. So whoever trusts one key of a log can
follow it to the later ones; backwards nothing leads, so a key that was given out stays published for ever.
"""

from __future__ import annotations

from typing import Final

from overt.errors import VerificationFailed
from overt.proof import canonical, dsse, tiles
from overt.proof.dsse import Signed
from overt.proof.ed25519 import Sign
from overt.proof.note import Checkpoint, VerifierKey, open_checkpoint, parse_vkey
from overt.proof.statement import LogKey, decode_entry, encode_entry

KEYS: Final = "log.keys"
LARGEST_KEYS: Final = 1 << 16
_WHAT: Final = "log keys"


def announce_log_key(*, by: str, sign: Sign, vkey: str, minute: int) -> LogKey:
    """The entry that says that ``vkey`` signs as well; ``sign`` is that of the key ``by``."""
    log = parse_vkey(by).name
    signed = dsse.sign_document(dsse.LOG_KEY, _body(log, minute, vkey, by), sign)
    entry = LogKey(log=log, minute=minute, vkey=vkey, by=by, sig=signed.sig)
    verify_log_key(entry)
    return entry


def verify_log_key(entry: LogKey) -> VerifierKey:
    """The key that is announced; `VerificationFailed` unless both are keys of this log and ``by`` signed it."""
    old, new = parse_vkey(entry.by), parse_vkey(entry.vkey)
    if {old.name, new.name} != {entry.log}:
        raise VerificationFailed(_WHAT, f"{entry.by!r} and {entry.vkey!r} are not both keys of {entry.log!r}")
    body = _body(entry.log, entry.minute, entry.vkey, entry.by)
    dsse.open_document(dsse.LOG_KEY, Signed(body=body, sig=entry.sig), old.public, _WHAT)
    return new


def encode_keys(entries: tuple[LogKey, ...]) -> bytes:
    """The file at `KEYS`."""
    return b"".join(encode_entry(entry) + b"\n" for entry in entries)


def decode_keys(raw: bytes) -> tuple[LogKey, ...]:
    """The announcements in a file, each verified by itself; or `VerificationFailed`."""
    if len(raw) > LARGEST_KEYS or (raw and not raw.endswith(b"\n")):
        raise VerificationFailed(_WHAT, f"{len(raw)} bytes are too many, or the last line is cut off")
    found = []
    for line in raw.split(b"\n")[:-1]:
        entry = decode_entry(line)
        if not isinstance(entry, LogKey):
            raise VerificationFailed(_WHAT, "a line announces something else than a key of the log")
        verify_log_key(entry)
        found.append(entry)
    return tuple(found)


def keys_after(trusted: VerifierKey, entries: tuple[LogKey, ...]) -> tuple[VerifierKey, ...]:
    """A key that is trusted, and the later keys of the same log to which it leads."""
    keys = [trusted]
    for entry in entries:
        new = parse_vkey(entry.vkey)
        if parse_vkey(entry.by) in keys and new not in keys:
            keys.append(new)
    return tuple(keys)


def keys_beside(reader: tiles.Reader, trusted: VerifierKey) -> tuple[VerifierKey, ...]:
    """A key that is trusted, and those to which the announcements beside the log lead from it."""
    raw = reader(KEYS)
    return (trusted,) if raw is None else keys_after(trusted, decode_keys(raw))


def read_latest(reader: tiles.Reader, trusted: VerifierKey) -> Checkpoint:
    """The latest checkpoint of a log, signed by a key that is trusted or by one to which it leads."""
    raw = reader(tiles.CHECKPOINT)
    if raw is None:
        raise VerificationFailed("checkpoint", "the log has none")
    try:
        return open_checkpoint(raw, trusted)
    except VerificationFailed:
        keys = keys_beside(reader, trusted)
        if len(keys) == 1:
            raise
        return open_checkpoint(raw, *keys)


def _body(log: str, minute: int, vkey: str, by: str) -> bytes:
    return canonical.encode({"log": log, "t": minute, "vkey": vkey, "by": by})
