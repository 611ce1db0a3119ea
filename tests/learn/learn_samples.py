"""A small world to train on: four domains that differ by their words, benign and sensitive requests in families."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from overt.learn.release import Plan, load_plan
from overt.learn.train import Recipe

WORDS = {
    "cyber": ("server", "login", "packet"),
    "bio": ("microbe", "enzyme", "culture"),
    "chem": ("solvent", "reagent", "flask"),
    "frontier_llm": ("accelerator", "pretraining", "tokens"),
    "none": ("recipe", "garden", "holiday"),
}
TONES = {
    "benign": ("explain", "lesson", "history"),
    "low_dual": ("overview", "method", "compare"),
    "high_dual": ("operational", "covertly", "weaponise"),
    "prohibited": ("revenge", "hurt", "destroy"),
}
FAMILIES = 8
PIECES = ["[PAD]", "[UNK]", *"abcdefghijklmnopqrstuvwxyz", *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz")]
VOCABULARY = "\n".join(PIECES).encode() + b"\n"


def own_rows() -> list[dict[str, object]]:
    """Our own requests of the small world: every domain and band, `FAMILIES` families of each."""
    return [
        {
            "id": f"{domain}-{band}-{family}-{number}",
            "text": f"{tone} the {word} number {family} please {tone} {word}",
            "domain": domain,
            "band": band,
            "family": f"family-{family}",
            "twin": None,
            "kind": "chat",
            "lang": "en",
        }
        for domain, words in WORDS.items()
        for band, tones in TONES.items()
        if band == "benign" or domain != "none"
        if (domain, band) != ("frontier_llm", "prohibited")
        for family in range(FAMILIES)
        for number, (word, tone) in enumerate(zip(words, tones, strict=True))
    ]


def write_world(folder: Path) -> Path:
    """Write the small world's requests into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(row) for row in own_rows()]
    (folder / "small.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def write_public(folder: Path, count: int) -> Path:
    """General requests under names that the table of sources knows: two train, one sets thresholds."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("clinc150", "banking77", "webquestions"):
        lines = [json.dumps(_general(name, number)) for number in range(count)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _general(name: str, number: int) -> dict[str, str]:
    text = f"{number} days of holiday, {name} {number}, in garden {number}"
    return {"id": f"{name}-{number}", "text": text, "domain": "none", "intent": "benign"}


def small_table() -> npt.NDArray[np.float32]:
    """A static table without meaning."""
    drawn = np.random.default_rng(0).normal(0.0, 0.125, (len(PIECES), 8))
    return np.asarray(drawn, dtype=np.float32)


def small_plan(folder: Path, *, public: int = 60, cache: Path | None = None) -> Plan:
    """A plan over the small world, written below ``folder``."""
    return load_plan(
        data=write_public(folder / "data", public),
        requests=write_world(folder / "requests"),
        vocabulary=VOCABULARY,
        table=small_table(),
        recipe=Recipe(),
        version="0.0.1",
        date="2026-01-01",
        cache_folder=cache,
    )
