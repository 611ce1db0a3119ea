"""Signed notes, whole and damaged: what people and programs do to them. The outcome is left to those who read them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from overt.log.keys import SeedSigner, signer_of
from overt.proof.cosign import CosignerKey, cosign
from overt.proof.note import NoteKey, SignatureLine, VerifierKey, parse_vkey, signature_line
from overt.testing.log import ORIGIN

GROUP_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""Of Ed25519 (RFC 8032 §5.1): adding it to the second half of a signature gives another text for the same equation."""

# Two keys of the same name whose ids are the same too: found by trying seeds, as anybody can.
TWINS: Final = (38_462, 104_618)


def _signer(name: str, seed: int) -> tuple[VerifierKey, SeedSigner]:
    signer = signer_of(name, seed.to_bytes(32, "big"))
    return parse_vkey(signer.vkey), signer


LOG, _LOG_SIGNER = _signer(ORIGIN, TWINS[0])
TWIN, _TWIN_SIGNER = _signer(ORIGIN, TWINS[1])
NEW, _NEW_SIGNER = _signer(ORIGIN, 7)
NAMED, _NAMED_SIGNER = _signer("protokoll.example/übersicht", 8)
_STRANGER, _STRANGER_SIGNER = _signer("stranger.example", 9)
_WITNESS, _WITNESS_SIGNER = _signer("witness.example/w1", 10)
WITNESS: Final = CosignerKey(name=_WITNESS.name, public=_WITNESS.public)
KNOWN: Final[tuple[NoteKey, ...]] = (LOG, NEW, NAMED, WITNESS)
VKEYS: Final = " ".join((LOG.text, NEW.text, NAMED.text, WITNESS.text))

_TEXTS: Final = (
    f"{ORIGIN}\n7\nhe6bzoTqjs5WBFAftBF/lSDbLfbMM/yWkrIgf+zeIaM=\n",
    "\n",
    "one\n\ntwo\n",
    "\ufeffa mark\n",
    "a \ufffd replaced character, \x7f, \x85 and \u2028\n",
    "— looks.like a+signature\n",
    "ends with an empty line\n\n",
)
_BASE64: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def sample_notes(count: int, seed: int) -> list[bytes]:
    """Notes with one to four honest lines and up to two things done to them."""
    rng = random.Random(seed)
    return [_note(rng) for _ in range(count)]


def _note(rng: random.Random) -> bytes:
    text = rng.choice(_TEXTS)
    lines = [_honest(rng, text) for _ in range(rng.randint(1, 4))]
    for _ in range(rng.choice([0, 1, 1, 1, 2])):
        rng.choice(_ON_LINES)(rng, text, lines)
    raw = f"{text}\n{''.join(lines)}".encode("utf-8", "surrogatepass")
    for _ in range(rng.choice([0, 0, 1])):
        raw = rng.choice(_ON_BYTES)(rng, raw)
    return raw


def _honest(rng: random.Random, text: str) -> str:
    choice = rng.randrange(6)
    if choice == 0:
        return cosign(text, WITNESS, rng.randrange(2**63), _WITNESS_SIGNER.sign)
    key, signer = (
        (LOG, _LOG_SIGNER),
        (LOG, _LOG_SIGNER),
        (NEW, _NEW_SIGNER),
        (NAMED, _NAMED_SIGNER),
        (_STRANGER, _STRANGER_SIGNER),
    )[choice - 1]
    return signature_line(key, signer.sign(text.encode()))


def _false(rng: random.Random, _: str, lines: list[str]) -> None:
    _insert(rng, lines, signature_line(rng.choice(KNOWN), rng.randbytes(rng.choice([1, 63, 64, 65, 72, 2428]))))


def _twin(rng: random.Random, text: str, lines: list[str]) -> None:
    _insert(rng, lines, signature_line(TWIN, _TWIN_SIGNER.sign(text.encode())))


def _plain_by_witness(rng: random.Random, text: str, lines: list[str]) -> None:
    _insert(rng, lines, signature_line(WITNESS, _WITNESS_SIGNER.sign(text.encode())))


def _late_cosignature(rng: random.Random, text: str, lines: list[str]) -> None:
    time = rng.randrange(2**63, 2**64)
    signature = _WITNESS_SIGNER.sign(b"cosignature/v1\ntime %d\n" % time + text.encode())
    _insert(rng, lines, signature_line(WITNESS, time.to_bytes(8, "big") + signature))


def _other_encoding_of_a_signature(rng: random.Random, text: str, lines: list[str]) -> None:
    signature = _LOG_SIGNER.sign(text.encode())
    second = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    _insert(rng, lines, signature_line(LOG, signature[:32] + second.to_bytes(32, "little")))


def _junk(rng: random.Random, text: str, lines: list[str]) -> None:
    more = rng.choice([1, 2, 15, 94, 99, 100])
    for number in range(more):
        name = f"grease{number}.example/{len(text)}"
        lines.append(SignatureLine(name=name, id=rng.randbytes(4), signature=rng.randbytes(rng.randint(1, 40))).text)


def _same_id_other_name(rng: random.Random, text: str, lines: list[str]) -> None:
    name = rng.choice([ORIGIN + "x", ORIGIN.upper(), "x"])
    _insert(rng, lines, SignatureLine(name=name, id=LOG.id, signature=_LOG_SIGNER.sign(text.encode())).text)


def _same_name_other_id(rng: random.Random, text: str, lines: list[str]) -> None:
    _insert(rng, lines, SignatureLine(name=ORIGIN, id=rng.randbytes(4), signature=_LOG_SIGNER.sign(text.encode())).text)


def _twice(rng: random.Random, _: str, lines: list[str]) -> None:
    _insert(rng, lines, rng.choice(lines))


def _unused_bits(rng: random.Random, _: str, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    body = lines[at].rstrip("=\n")
    last = _BASE64.find(body[-1])
    if last >= 0 and len(body) < len(lines[at]) - 1:
        lines[at] = lines[at].replace(body, body[:-1] + _BASE64[last ^ 1])


def _in_the_line(rng: random.Random, _: str, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    line = lines[at]
    where = rng.randrange(len(line))
    lines[at] = line[:where] + rng.choice(_ODD) + line[where + rng.choice([0, 1]) :]


_ODD: Final = (
    *(
        "",
        " ",
        "+",
        "=",
        "==",
        "-",
        "_",
        "\t",
        "\r",
        "\r\n",
        "\n",
        "\n\n",
        "\x00",
        "\x0b",
        "\x1c",
        "\x1f",
        "\x7f",
        "\x85",
    ),
    *("\xa0", "\u1680", "\u180e", "\u2003", "\u200b", "\u2028", "\u2029", "\u202f", "\u3000", "\ufeff", "\ufffd"),
    *("\u2014", "\u2014 ", "\u2013 ", "\ud800", "\udfff", "\U0001f600", "é", "e\u0301", "A", "/"),
)
_ON_LINES: Final[tuple[Callable[[random.Random, str, list[str]], None], ...]] = (
    _false,
    _twin,
    _plain_by_witness,
    _late_cosignature,
    _other_encoding_of_a_signature,
    _junk,
    _same_id_other_name,
    _same_name_other_id,
    _twice,
    _unused_bits,
    _in_the_line,
    _in_the_line,
    _in_the_line,
)


def _insert(rng: random.Random, lines: list[str], line: str) -> None:
    lines.insert(rng.randint(0, len(lines)), line)


def _carriage_returns(_: random.Random, raw: bytes) -> bytes:
    return raw.replace(b"\n", b"\r\n")


def _no_last_line_feed(_: random.Random, raw: bytes) -> bytes:
    return raw[:-1]


def _one_more_line_feed(_: random.Random, raw: bytes) -> bytes:
    return raw + b"\n"


def _cut(rng: random.Random, raw: bytes) -> bytes:
    return raw[: rng.randrange(len(raw))]


def _bit(rng: random.Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1 :]


def _bad_utf_8(rng: random.Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw) + 1)
    bad = (b"\xff", b"\xc0\x80", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80", b"\xf8\x88\x80\x80\x80")
    return raw[:at] + rng.choice(bad) + raw[at:]


def _no_empty_line(_: random.Random, raw: bytes) -> bytes:
    return raw.replace(b"\n\n", b"\n")


def _other_dash(_: random.Random, raw: bytes) -> bytes:
    return raw.replace("—".encode(), "–".encode())


def _nothing(_: random.Random, raw: bytes) -> bytes:
    return raw[:0]


_ON_BYTES: Final[tuple[Callable[[random.Random, bytes], bytes], ...]] = (
    _carriage_returns,
    _no_last_line_feed,
    _one_more_line_feed,
    _cut,
    _bit,
    _bit,
    _bad_utf_8,
    _no_empty_line,
    _other_dash,
    _nothing,
)
