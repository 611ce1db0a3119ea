"""One small policy as text, and ways to vary it."""

from __future__ import annotations

from overt.core.policy import Policy
from overt.policy.parse import parse_policy

SAMPLE = """\
name = "sample"
version = "1"
title = "A sample"
summary = "Exploit work goes to the small model."
on_unavailable = "retry"
on_uncovered_language = "notify"

[modes]
cyber = "redirect"
bio = "shadow"
chem = "off"
frontier_llm = "off"

[[rules]]
id = "cyber-1"
domain = "cyber"
band = "high_dual"
threshold = 0.9
prescribes = "redirect"
title = "exploit development"
reason = "Exploits serve both sides."
allowed = ["fixing a flaw"]
covered = ["turning a crash into an exploit"]

[[fallbacks]]
model = "big"
cyber = ["small"]
"""


MISTAKES: dict[str, tuple[tuple[str, str], int, str, str]] = {
    "unknown key": (("threshold =", "treshold ="), 18, "treshold", "did you mean 'threshold'?"),
    "unknown word": (('prescribes = "redirect"', 'prescribes = "redirct"'), 19, "'redirct'", "'redirect'"),
    "unknown domain": (('domain = "cyber"', 'domain = "cyper"'), 16, "'cyper'", "'cyber'"),
    "number in place of text": (('version = "1"', "version = 1"), 2, "a number", 'version = "1"'),
    "text in place of a number": (("threshold = 0.9", 'threshold = "0.9"'), 18, "'0.9'", "release"),
    "threshold of zero": (("0.9", "0.0"), 18, "0.0", "above 0"),
    "threshold over one": (("0.9", "1.01"), 18, "1.01", "at most 1"),
    "threshold that is no number": (("0.9", "nan"), 18, "nan", "above 0"),
    "threshold that is infinite": (("0.9", "inf"), 18, "inf", "at most 1"),
    "threshold with very many digits": (("0.9", "0x" + "f" * 6000), 18, "number", "at most 1"),
    "yes in place of a number": (("0.9", "true"), 18, "true or false", "number"),
    "date in place of text": (('version = "1"', "version = 2026-11-23"), 2, "a date", "in quotes"),
    "version with a blank": (('version = "1"', 'version = "1 b"'), 2, "'1 b'", "2026-06"),
    "name with a line end": (('name = "sample"', 'name = "sample\\n"'), 1, "sample", "our-lab"),
    "id of another domain": (('id = "cyber-1"', 'id = "bio-1"'), 15, "'bio-1'", '"cyber-1"'),
    "id without a number": (('id = "cyber-1"', 'id = "cyber"'), 15, "'cyber'", "cyber-2"),
    "reason that is no sentence": (("both sides.", "both sides"), 21, "both sides", "full stop"),
    "blank reason": (("Exploits serve both sides.", "  "), 21, "sentence", "full stop"),
    "control character": (("both sides.", "both\\u0000sides."), 21, "sentence", "full stop"),
    "title that is a sentence": (("exploit development", "exploit development."), 20, "full stop", "what follows"),
    "unknown mode": (('chem = "off"', 'chem = "of"'), 11, "'of'", "'off'"),
    "unknown answer to a language": (('language = "notify"', 'language = "pass"'), 6, "'pass'", "record, refuse"),
    "list in place of a table": (("[modes]", "[[modes]]"), 8, "a list", "[modes]"),
    "table in place of a list": (("[[fallbacks]]", "[fallbacks]"), 25, "a table", "[[fallbacks]]"),
    "text in place of a list": (('cyber = ["small"]', 'cyber = "small"'), 27, "'small'", '["…"]'),
    "number in a list": (('["small"]', "[1]"), 27, "entry 1", "in quotes"),
    "model named twice": (('["small"]', '["small", "small"]'), 27, "twice", "once"),
    "fallback to itself": (('["small"]', '["big"]'), 27, "falls back to itself", "lesser"),
    "fallback to any model": (('["small"]', '["*"]'), 27, "no model", "one by one"),
}
"""A change that breaks the sample; then line, part of the message and part of the remedy of the problem."""


def swap(*pairs: tuple[str, str], text: str = SAMPLE) -> str:
    """The text with each first string replaced by the second; the first must be there."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def policy(*pairs: tuple[str, str]) -> Policy:
    """The sample, varied."""
    return parse_policy(swap(*pairs), name="sample.toml")
