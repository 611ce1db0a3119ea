"""Whether two names mean one model: the name that was requested and the one that a response gives.

A false "other" accuses a provider, so names are compared by what they mean: without the provider's prefix and region
(``anthropic/…``, ``us.anthropic.…-v1:0``), routing variants (``:free``), the form of a date (``@20250101``,
``-2025-01-01``) and the order and punctuation of words (``claude-3.5-sonnet``, ``claude-sonnet-3-5``).
A name that stands for a deployment and names no model that we know cannot be compared: that is said, not guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, final


class Relation(StrEnum):
    """What the served name is to the requested one."""

    SAME = "same"
    ALIAS = "alias"
    """The requested alias, dated, versioned or of a named build."""
    SNAPSHOT = "snapshot"
    """The requested model at another date than the one that was asked for."""
    OTHER = "other"
    UNCLEAR = "unclear"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Name:
    words: tuple[str, ...]
    numbers: tuple[int, ...]
    date: str
    plain: tuple[str, ...]
    """Words that tell no model from another: ``instruct``, ``latest``, a build such as ``fp8``."""

    @property
    def known(self) -> bool:
        return any(word in FAMILIES for word in self.words)


_FAMILY_WORDS: Final = """
    claude gpt chatgpt o1 o3 o4 o5 codex davinci gemini gemma llama mistral mixtral codestral ministral magistral
    devstral pixtral qwen qwq deepseek grok command phi kimi glm nova titan jamba yi olmo falcon granite nemotron
    minimax ernie hunyuan doubao sonar dbrx hermes wizardlm palm bison starcoder solar vicuna zephyr
"""
_PLAIN_WORDS: Final = """
    instruct chat it hf latest default meta preview exp experimental beta model
    fp4 fp8 fp16 bf16 int4 int8 nf4 nvfp4 mxfp4 awq gptq gguf q4 q5 q6 q8 quantized
"""
FAMILIES: Final = frozenset(_FAMILY_WORDS.split())
# OpenAI's "chat", "instruct" and "preview" are models of their own; elsewhere they are forms of one.
_TOLD_APART: Final = frozenset(("gpt", "chatgpt", "o1", "o3", "o4", "o5"))
_SAYS_NOTHING: Final = frozenset(("latest", "default"))
_PLAIN: Final = frozenset(_PLAIN_WORDS.split())
_ROUTERS: Final = frozenset(("auto", "router", "default", "latest", "none"))
# Aliases that the provider's own list resolves to a name which shares too little with them.
_LISTED: Final = {"gpt-4-turbo-preview": ("gpt-4-0125-preview", "gpt-4-1106-preview")}
_BEDROCK = re.compile(
    r"(?:(?:us|eu|apac|global|us-gov|jp|au|ca|sa|me|af)\.)?"
    r"(?:anthropic|meta|amazon|mistral|cohere|ai21|deepseek|openai|qwen|writer|google|moonshot|minimax|nvidia|zai)\."
    r"(.+?)(?:-v\d+(?::\d+(?::\w+)?)?)?"
)
_REVISION = re.compile(r"-v\d+:\d+$")
_VARIANT = re.compile(r":(?:free|nitro|floor|thinking|beta|online|extended|exacto|latest|default)$")
_DATES = (
    re.compile(r"(?<!\d)(?P<year>20\d\d)-?(?P<month>0[1-9]|1[0-2])-?(?P<day>[0-3]\d)(?!\d)"),
    re.compile(r"(?<=-)(?P<month>0[1-9]|1[0-2])-(?P<year>20\d\d)(?!\d)"),
    re.compile(r"(?<=-)(?P<month>0[1-9]|1[0-2])-?(?P<day>[0-3]\d)(?=-|$)"),
    re.compile(r"(?<=-)(?P<yymm>2[3-9](?:0[1-9]|1[0-2]))(?=-|$)"),
    re.compile(r"(?<=-)(?P<revision>0\d\d)(?=-|$)"),
)
_JOINED = re.compile(r"(?<![a-z0-9])(llama|qwen|gpt|claude|gemini|gemma|phi|glm|grok|kimi|deepseek)(?=\d)")
_POINT = re.compile(r"(?<=\d)p(?=\d)")
_VERSION = re.compile(r"(?<![a-z0-9])v(?=\d)")
_SECOND_CLAUDE = re.compile(r"-v\d+(?=-|$)")
_SEPARATORS = re.compile(r"[-_.\s:,@]+")


@lru_cache(maxsize=4096)
def relation(requested: str, served: str) -> Relation:
    """How the name in a response stands to the requested one. A pure function; runs repeat few names often."""
    if requested.strip().lower() == served.strip().lower():
        return Relation.SAME
    if served.strip().lower() in _LISTED.get(_bare(requested), ()):
        return Relation.ALIAS
    asked, found = _read(requested), _read(served)
    if asked.words == found.words and asked.numbers == found.numbers:
        if asked.date and found.date:
            one = asked.date.endswith(found.date) or found.date.endswith(asked.date)
            return Relation.SAME if one else Relation.SNAPSHOT
        return Relation.SAME if (asked.date, asked.plain) == (found.date, found.plain) else Relation.ALIAS
    if asked.words == found.words and not (asked.numbers and found.numbers):
        return Relation.UNCLEAR if asked.numbers else Relation.ALIAS
    if names_no_model(requested) and (found.known or _is_router(asked)):
        return Relation.UNCLEAR
    return Relation.OTHER


def names_no_model(requested: str) -> bool:
    """Whether a name is one of a deployment or a router rather than of a model that we know."""
    name = _read(requested)
    return not name.known or _is_router(name)


def _is_router(name: _Name) -> bool:
    return set(name.words) <= _ROUTERS


@lru_cache(maxsize=4096)
def _read(name: str) -> _Name:
    text = _bare(name)
    date = ""
    for pattern in _DATES:
        match = pattern.search(text)
        if match is not None:
            date = "".join(match.groupdict().get(part) or "" for part in ("year", "yymm", "month", "day", "revision"))
            text = text[: match.start()] + text[match.end() :]
            break
    if "claude" in text:
        text = _SECOND_CLAUDE.sub("", text)
    text = _VERSION.sub("", _POINT.sub("-", _JOINED.sub(r"\1-", text)))
    tokens = [token for token in _SEPARATORS.split(text) if token]
    numbers = [int(token) for token in tokens if token.isdecimal()]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    words = sorted(token for token in tokens if not token.isdecimal())
    plain = _SAYS_NOTHING if _TOLD_APART & set(words) else _PLAIN
    telling = tuple(word for word in words if word not in plain)
    return _Name(
        words=telling or tuple(words),
        numbers=tuple(numbers),
        date=date,
        plain=tuple(word for word in words if word in plain and word not in (*_SAYS_NOTHING, "meta")),
    )


def _bare(name: str) -> str:
    """Without what providers and routers put around it."""
    text = name.strip().lower()
    if text.startswith("ft:"):
        return text
    text = _VARIANT.sub("", text.rsplit("/", 1)[-1])
    bedrock = _BEDROCK.fullmatch(text)
    text = bedrock[1] if bedrock is not None else _REVISION.sub("", text)
    return text.replace("@", "-").replace("_", "-")
