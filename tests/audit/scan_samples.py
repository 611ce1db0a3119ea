"""Stored runs for tests of the scan, made by code: responses of each provider's shape, and logs as Inspect writes them.

The archives are packed by zstd (method 93) like inspect-ai 0.3.285's; their members are those of a log that it wrote.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import zstandard

from overt.audit.scan.inspect_log import Options
from overt.audit.scan.read import Scan, scan

ASKED = "claude-fable-5"
OTHER = "claude-opus-4-8"
SEAM = {
    "type": "fallback",
    "from": {"model": ASKED},
    "to": {"model": OTHER},
    "trigger": {"type": "refusal", "category": "cyber"},
}
TEXT = {"type": "text", "text": "4"}


def iterations(*entries: tuple[str, str]) -> dict[str, Any]:
    """A usage with attempts: type and model of each."""
    return {"output_tokens": 1, "iterations": [{"type": kind, "model": model} for kind, model in entries]}


def message(**members: Any) -> dict[str, Any]:
    """An Anthropic message of the requested model."""
    found: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": ASKED, "content": [TEXT]}
    return found | {"stop_reason": "end_turn", "stop_details": None, "usage": {"output_tokens": 1}} | members


def chat(model: str | None = "gpt-4o", *, reason: str = "stop", **members: Any) -> dict[str, Any]:
    """A chat completion."""
    answer = {"role": "assistant", "content": "4", "refusal": None} | members.pop("message", {})
    choice = {"index": 0, "message": answer, "finish_reason": reason}
    found: dict[str, Any] = {"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice]}
    return found | ({"model": model} if model else {}) | members


def answer(model: str = "gpt-5", **members: Any) -> dict[str, Any]:
    """A response of the Responses API."""
    part = members.pop("part", {"type": "output_text", "text": "4"})
    found: dict[str, Any] = {"id": "resp_1", "object": "response", "status": "completed", "model": model}
    return found | {"output": [{"type": "message", "content": [part]}]} | members


def row(response: Any, asked: str | None = ASKED, **members: Any) -> dict[str, Any]:
    """A response with its request."""
    return {"request": {"model": asked} if asked else {}, "response": response, **members}


def sse(events: Sequence[Mapping[str, Any]], *, named: bool = True) -> str:
    """A recorded stream."""
    lines = [(f"event: {each['type']}\n" if named else "") + f"data: {json.dumps(each)}\n\n" for each in events]
    return "".join(lines) + ("" if named else "data: [DONE]\n\n")


def midway() -> list[dict[str, Any]]:
    """A stream in which the requested model declines after some words: `message_start` names it to the end."""
    start = message(content=[], stop_reason=None, usage={"output_tokens": 1})
    return [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "So"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": SEAM},
        {"type": "content_block_stop", "index": 1},
        {"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": "4"}},
        {"type": "content_block_stop", "index": 2},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": iterations(("message", ASKED), ("fallback_message", OTHER)),
        },
        {"type": "message_stop"},
    ]


# --- Inspect ----------------------------------------------------------------------------------------------------------


def header(model: str = f"anthropic/{ASKED}", version: str | None = "0.3.285") -> dict[str, Any]:
    """A log's header."""
    packages = {"inspect_ai": version} if version else {}
    spec = {"task": "sums", "model": model, "packages": packages, "scorers": [{"name": "includes"}]}
    return {"version": 2, "status": "success", "eval": spec}


def output(model: str = ASKED, *, reason: str = "stop", text: str = "4", **members: Any) -> dict[str, Any]:
    """What a model gave in a sample."""
    choice = {"message": {"role": "assistant", "content": text, "model": model}, "stop_reason": reason}
    choice |= {"stop_details": members.pop("details")} if "details" in members else {}
    return {"model": model, "choices": [choice], "completion": text, **members}


def sample(name: str, *outputs: dict[str, Any], score: Any = "C", **members: Any) -> dict[str, Any]:
    """A stored sample whose turns are these outputs."""
    spoken = [{"role": "assistant", "content": "4"} for _ in outputs]
    events = [{"event": "model", "model": f"anthropic/{ASKED}", "output": each} for each in outputs]
    head = {"id": name, "epoch": 1, "input": "2+2?", "messages": [{"role": "user", "content": "2+2?"}, *spoken]}
    scores = {"includes": {"value": score}}
    last = outputs[-1] if outputs else {}
    return {**head, "output": last, "scores": scores, "metadata": {}, "events": events, **members}


def summary(record: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    """Its summary."""
    names = ("id", "epoch", "input", "scores", "metadata", "model_fallbacks", "error")
    turns = sum(each["event"] == "model" for each in record.get("events", []))
    limit = {"limit": record["limit"]["type"]} if "limit" in record else {}
    return {name: record[name] for name in names if name in record} | limit | {"turn_count": turns} | members


def write_eval(path: Path, members: Sequence[tuple[str, Any]], method: int = 93) -> Path:
    """An archive of these members."""
    path.write_bytes(b"".join(_zipped([(name, json.dumps(value).encode()) for name, value in members], method)))
    return path


def log_members(records: Sequence[dict[str, Any]], **options: Any) -> list[tuple[str, Any]]:
    """The members of a finished log."""
    samples: list[tuple[str, Any]] = [(f"samples/{each['id']}_epoch_{each['epoch']}.json", each) for each in records]
    return [*samples, ("summaries.json", [summary(each) for each in records]), ("header.json", header(**options))]


def _zipped(members: Sequence[tuple[str, bytes]], method: int) -> Iterator[bytes]:
    directory, at = [], 0
    for name, raw in members:
        packed = _packed(raw, method)
        fields = (45, 0, method, 0, 0, zlib.crc32(raw), len(packed), len(raw), len(name.encode()), 0)
        local = struct.pack("<4s5H3L2H", b"PK\x03\x04", *fields) + name.encode() + packed
        yield local
        directory.append(struct.pack("<4sH5H3L5H2L", b"PK\x01\x02", 45, *fields, 0, 0, 0, 0, at) + name.encode())
        at += len(local)
    listing = b"".join(directory)
    yield listing
    yield struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(members), len(members), len(listing), at, 0)


def _packed(raw: bytes, method: int) -> bytes:
    if method == 93:
        packer = zstandard.ZstdCompressor().compressobj()
        return packer.compress(raw) + packer.flush()
    if method == 8:
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return deflate.compress(raw) + deflate.flush()
    return raw


def scanned(*paths: Path, **options: Any) -> Scan:
    """A scan without progress."""
    return scan(paths, Options(**options), lambda *_: None)


def write_rows(path: Path, rows: Sequence[Any]) -> Path:
    """JSON lines; a string is a line as it is."""
    lines = (each if isinstance(each, str) else json.dumps(each) for each in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
