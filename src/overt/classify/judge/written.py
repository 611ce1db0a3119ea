"""The written policies that a judge reads, one for each domain, as package data: ``policies/<domain>.md``.

Each lists, band by band, the classes that belong there under a code (``H1``), the permitted ones beside the restricted
ones, and then how to read a request. The same bytes are what the judge is sent and what the digest covers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, final

from overt.core.domain import BANDS, DOMAINS, Band, Digest, Domain
from overt.errors import InvalidFile, Problem

_SECTION: Final = re.compile(r"^## (?P<name>[^\n]+)\n\n(?P<body>.*?)\s*(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_ITEM: Final = re.compile(r"^- (?P<code>[A-Z][0-9]+): ", re.MULTILINE)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenPolicy:
    """One policy. ``raw`` are the bytes that the digest covers.

    ``classes`` gives the lines of each band that it has, ``codes`` the band of each line's code.
    """

    domain: Domain
    text: str
    raw: bytes
    digest: Digest
    classes: Mapping[Band, str]
    codes: Mapping[str, Band]


Policies = Mapping[Domain, WrittenPolicy]


def read_policy(domain: Domain, raw: bytes) -> WrittenPolicy:
    """The policy in these bytes. Raises `InvalidFile` if it has no benign class, or a code of another band's letter."""
    text = raw.decode("utf-8").strip()
    sections = {match["name"]: match["body"] for match in _SECTION.finditer(f"{text}\n")}
    classes = {band: sections[band.value] for band in BANDS if band.value in sections}
    codes = {match["code"]: band for band, body in classes.items() for match in _ITEM.finditer(body)}
    problems = [
        Problem(code, f"it stands under {band.value!r}", f"begin it with {band.value[0].upper()!r}")
        for code, band in codes.items()
        if not code.startswith(band.value[0].upper())
    ]
    if Band.BENIGN not in codes.values():
        problems.append(Problem(Band.BENIGN, "no class is permitted", "add a section '## benign' with '- B1: …'"))
    if problems:
        raise InvalidFile(f"{domain}.md", tuple(problems))
    return WrittenPolicy(domain=domain, text=text, raw=raw, digest=_digest(raw), classes=classes, codes=codes)


def written_policies() -> Policies:
    """The policies that come with Overt."""
    folder = files("overt.classify.judge").joinpath("policies")
    return {domain: read_policy(domain, folder.joinpath(f"{domain}.md").read_bytes()) for domain in DOMAINS}


def digest_of(policies: Policies) -> Digest:
    """One digest for all policies: that of `document_of`."""
    return _digest(document_of(policies))


def document_of(policies: Policies) -> bytes:
    """A line ``<domain> <digest>`` for each policy, in the order of `Domain`."""
    return "".join(f"{domain} {policies[domain].digest}\n" for domain in DOMAINS if domain in policies).encode()


def _digest(raw: bytes) -> Digest:
    return Digest(f"sha256:{hashlib.sha256(raw).hexdigest()}")
