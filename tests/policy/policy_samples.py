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
    "unknown key": (("threshold =", "treshold ="), 17, "treshold", "did you mean 'threshold'?"),
    "unknown word": (('prescribes = "redirect"', 'prescribes = "redirct"'), 18, "'redirct'", "'redirect'"),
    "unknown domain": (('domain = "cyber"', 'domain = "cyper"'), 15, "'cyper'", "'cyber'"),
    "number in place of text": (('version = "1"', "version = 1"), 2, "a number", 'version = "1"'),
    "text in place of a number": (("threshold = 0.9", 'threshold = "0.9"'), 17, "'0.9'", "release"),
    "threshold of zero": (("0.9", "0.0"), 17, "0.0", "above 0"),
    "threshold over one": (("0.9", "1.01"), 17, "1.01", "at most 1"),
    "threshold that is no number": (("0.9", "nan"), 17, "nan", "above 0"),
    "threshold that is infinite": (("0.9", "inf"), 17, "inf", "at most 1"),
    "threshold with very many digits": (("0.9", "0x" + "f" * 6000), 17, "number", "at most 1"),
    "yes in place of a number": (("0.9", "true"), 17, "true or false", "number"),
    "date in place of text": (('version = "1"', "version = 2026-11-23"), 2, "a date", "in quotes"),
    "version with a blank": (('version = "1"', 'version = "1 b"'), 2, "'1 b'", "2026-06"),
    "name with a line end": (('name = "sample"', 'name = "sample\\n"'), 1, "sample", "our-lab"),
    "id of another domain": (('id = "cyber-1"', 'id = "bio-1"'), 14, "'bio-1'", '"cyber-1"'),
    "id without a number": (('id = "cyber-1"', 'id = "cyber"'), 14, "'cyber'", "cyber-2"),
    "reason that is no sentence": (("both sides.", "both sides"), 20, "both sides", "full stop"),
    "blank reason": (("Exploits serve both sides.", "  "), 20, "sentence", "full stop"),
    "control character": (("both sides.", "both\\u0000sides."), 20, "sentence", "full stop"),
    "title that is a sentence": (("exploit development", "exploit development."), 19, "full stop", "what follows"),
    "unknown mode": (('chem = "off"', 'chem = "of"'), 10, "'of'", "'off'"),
    "list in place of a table": (("[modes]", "[[modes]]"), 7, "a list", "[modes]"),
    "table in place of a list": (("[[fallbacks]]", "[fallbacks]"), 24, "a table", "[[fallbacks]]"),
    "text in place of a list": (('cyber = ["small"]', 'cyber = "small"'), 26, "'small'", '["…"]'),
    "number in a list": (('["small"]', "[1]"), 26, "entry 1", "in quotes"),
    "model named twice": (('["small"]', '["small", "small"]'), 26, "twice", "once"),
    "fallback to itself": (('["small"]', '["big"]'), 26, "falls back to itself", "lesser"),
    "fallback to any model": (('["small"]', '["*"]'), 26, "no model", "one by one"),
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
