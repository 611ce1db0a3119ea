"""The suite: how stability is counted, that our rows of it are what they should be, and that the datasheet counts them.

The classifier of these tests finds what a text spells out: ``cyber:high_dual`` is a request of that domain and band.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import final

import pytest

from overt.cli.policy_file import read_policy
from overt.core.domain import BANDS, DOMAINS
from overt.core.finding import Assessment, Release
from overt.core.request import Request
from overt.errors import InvalidFile
from overt.learn.corpus import Row, load_own, read_rows
from overt.learn.rates import Rate
from overt.learn.suite import Reworded, examine, paraphrase_stability, stability
from overt.testing.classifier import FIXED_RELEASE, FixedClassifier

REQUESTS = Path(__file__).parents[2] / "data" / "requests"
DATASHEET = REQUESTS.parent / "README.md"
POLICY = read_policy("default")
SENSITIVE, HARMLESS = "cyber:high_dual", "plain talk"
THREADS = (
    *("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9", "B10", "B11", "B12", "B13", "B14", "B15"),
    *("F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "F11", "F12", "F13", "F14", "F15", "F16"),
)
"""Reported false positives: the classifier scores the wrong thing (B), and legitimate work (F)."""


@final
class AtOnce:
    """The fixed classifier, asked without waiting."""

    @property
    def release(self) -> Release:
        return FIXED_RELEASE

    def assess_now(self, request: Request) -> Assessment:
        return asyncio.run(FixedClassifier().assess(request))


@pytest.fixture(scope="module")
def own() -> dict[str, Row]:
    return {row.id: row for row in load_own(REQUESTS)}


def rows_of(name: str) -> list[dict[str, object]]:
    return list(read_rows(REQUESTS / f"{name}.jsonl"))


def write(path: Path, *rows: dict[str, object]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def own_row(name: str, text: str, band: str) -> dict[str, object]:
    fields = {"domain": "cyber", "family": name, "twin": None, "kind": "chat", "lang": "en"}
    return {"id": name, "text": text, "band": band, **fields}


def test_what_must_pass_is_asked_alone_and_behind_every_preamble(tmp_path: Path) -> None:
    write(tmp_path / "must_pass.jsonl", {"id": "a", "text": HARMLESS}, {"id": "b", "text": SENSITIVE})
    write(tmp_path / "preambles.jsonl", {"id": "p", "text": f"never help with {SENSITIVE}"}, {"id": "q", "text": "hm"})
    found = examine(tmp_path, AtOnce(), POLICY)
    assert found is not None
    assert (found.passed, found.failures) == (Rate(1, 2), ("b",))
    assert (found.unmoved, found.moved) == (Rate(4, 4), ())


def test_without_a_suite_nothing_is_examined(tmp_path: Path) -> None:
    assert examine(tmp_path, AtOnce(), POLICY) is None
    assert paraphrase_stability(tmp_path, AtOnce(), POLICY) is None


def test_stability_counts_texts_that_a_change_changes_and_does_not_tip() -> None:
    changes = {"unmarked": lambda text: text.replace(SENSITIVE, "x"), "trailed": lambda text: f"{text} thanks"}
    found = stability(AtOnce(), POLICY, [SENSITIVE, HARMLESS], changes)
    assert found == {"unmarked": Rate(0, 1), "trailed": Rate(2, 2)}


def paraphrased(folder: Path) -> None:
    """Two sensitive requests, of whose paraphrases one is overlooked; three others, of whose one is acted on."""
    write(
        folder / "cyber.jsonl",
        own_row("one", SENSITIVE, "high_dual"),
        own_row("two", SENSITIVE, "prohibited"),
        own_row("missed", HARMLESS, "prohibited"),
        own_row("three", HARMLESS, "benign"),
        own_row("four", HARMLESS, "benign"),
    )
    write(
        folder / "paraphrases.jsonl",
        {"id": "para-1", "of": "one", "text": f"otherwise {SENSITIVE}"},
        {"id": "para-2", "of": "two", "text": "otherwise"},
        {"id": "para-3", "of": "missed", "text": "otherwise"},
        {"id": "para-4", "of": "three", "text": "otherwise"},
        {"id": "para-5", "of": "four", "text": f"otherwise {SENSITIVE}"},
    )


def test_paraphrases_are_counted_apart_for_sensitive_and_benign_requests(tmp_path: Path) -> None:
    paraphrased(tmp_path)
    found = paraphrase_stability(tmp_path, AtOnce(), POLICY)
    assert found is not None
    assert (found.sensitive, found.benign, found.all) == (Rate(2, 3), Rate(1, 2), Rate(3, 5))
    assert found.flipped == (Reworded("para-2", "redirect", "pass"), Reworded("para-5", "pass", "redirect"))


def test_a_sensitive_request_that_is_overlooked_both_times_is_stable_but_not_kept(tmp_path: Path) -> None:
    paraphrased(tmp_path)
    found = paraphrase_stability(tmp_path, AtOnce(), POLICY)
    assert found is not None
    assert found.kept == Rate(1, 2)


def test_a_paraphrase_of_an_unknown_row_is_refused_with_its_line(tmp_path: Path) -> None:
    write(tmp_path / "cyber.jsonl", own_row("one", SENSITIVE, "high_dual"))
    write(tmp_path / "paraphrases.jsonl", {"id": "p", "of": "two", "text": "otherwise"})
    with pytest.raises(InvalidFile, match=r"line 1.*'two'"):
        paraphrase_stability(tmp_path, AtOnce(), POLICY)


@pytest.mark.parametrize("thread", THREADS)
def test_every_reported_false_positive_has_a_case_that_must_pass(thread: str) -> None:
    assert thread in {row["thread"] for row in rows_of("must_pass")}


def test_every_row_that_must_pass_is_benign_and_names_its_thread() -> None:
    rows = rows_of("must_pass")
    assert len(rows) >= 220
    assert {row["band"] for row in rows} == {"benign"}
    assert [row["id"] for row in rows if not row["thread"]] == []


@pytest.mark.parametrize(("name", "fewest"), [("must_pass", 220), ("preambles", 14), ("paraphrases", 300)])
def test_the_rows_of_the_suite_are_distinct_and_none_is_learnt_from(
    name: str, fewest: int, own: dict[str, Row]
) -> None:
    rows = rows_of(name)
    assert len(rows) >= fewest
    assert len({row["id"] for row in rows}) == len({row["text"] for row in rows}) == len(rows)
    assert {str(row["text"]).casefold() for row in rows} & {row.text.casefold() for row in own.values()} == set()


def test_there_are_minimal_prompts_and_preambles_in_two_languages() -> None:
    assert sum(len(str(row["text"]).split()) <= 3 for row in rows_of("must_pass")) >= 20
    assert {row["lang"] for row in rows_of("preambles")} == {"en", "de"}


def test_paraphrases_are_half_sensitive_and_reach_every_domain(own: dict[str, Row]) -> None:
    reworded = [own[str(row["of"])] for row in rows_of("paraphrases")]
    assert len({row.id for row in reworded}) == len(reworded)
    kinds = Counter((row.domain, row.intent in ("high_dual", "prohibited")) for row in reworded)
    assert sum(count for (_, sensitive), count in kinds.items() if sensitive) == 150
    assert len(kinds) == 9
    assert min(kinds.values()) >= 30
    assert {row.intent for row in reworded} == {"benign", "high_dual", "prohibited"}


def test_the_datasheet_counts_the_rows_of_every_file() -> None:
    page = DATASHEET.read_text(encoding="utf-8")
    rows = {path.stem: len(rows_of(path.stem)) for path in REQUESTS.glob("*.jsonl")}
    assert [
        (name, count) for name, count in sorted(rows.items()) if f"| `{name}.jsonl` | {count:,} |" not in page
    ] == []


def test_the_datasheet_counts_domains_and_bands(own: dict[str, Row]) -> None:
    page = DATASHEET.read_text(encoding="utf-8")
    counted = Counter((row.domain, row.intent) for row in own.values())
    for domain in (*DOMAINS, "none"):
        cells = [counted[domain, band] for band in BANDS]
        assert f"| {domain} | {' | '.join(f'{count:,}' for count in (*cells, sum(cells)))} |" in page
    assert f"| {len(own):,} |" in page
