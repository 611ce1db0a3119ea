"""The cards in the documentation are those that the package serves, and are about the release that it ships."""

from __future__ import annotations

import hashlib
from pathlib import Path

from overt.classify.release import MANIFEST, load, shipped
from overt.core.domain import DOMAINS, Band

CARDS = Path(__file__).parent.parent.parent / "docs" / "cards"


def test_every_domain_has_its_card_and_the_package_serves_the_same() -> None:
    for domain in DOMAINS:
        served = (shipped() / "cards" / f"{domain}.md").read_bytes()
        assert (CARDS / f"{domain}.md").read_bytes() == served


def test_every_card_is_about_the_release_that_is_shipped() -> None:
    digest = hashlib.sha256((shipped() / MANIFEST).read_bytes()).hexdigest()
    release = load(shipped()).release
    for domain in DOMAINS:
        text = (CARDS / f"{domain}.md").read_text(encoding="utf-8")
        assert digest in text
        assert f"{release.acting_point(domain, Band.HIGH_DUAL):.4f}" in text
