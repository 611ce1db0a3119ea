"""Which sources may teach, and what their labels mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from overt.core.domain import Domain
from overt.learn.sources import SOURCES, UNLABELLED, Label, Reading, Source, Use, is_mild, label_of, topics_of

BY_NAME = {source.name: source for source in SOURCES}


def labelled(name: str, **fields: object) -> Label:
    return label_of(BY_NAME[name], {"text": "How can I do it?", "domain": "none", "intent": "benign", **fields})


def test_no_source_is_named_twice() -> None:
    assert len(BY_NAME) == len(SOURCES)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_source_with_a_closed_or_unclear_licence_never_teaches(source: Source) -> None:
    words = source.licence.upper()
    if any(mark in words for mark in ("-NC", "-SA", "UNCLEAR", "NONE", "LGPL")):
        assert source.use is Use.EVALUATE


@pytest.mark.parametrize("source", [s for s in SOURCES if s.use is not Use.TRAIN], ids=lambda source: source.name)
def test_a_source_that_does_not_teach_says_why(source: Source) -> None:
    assert source.why


def test_benign_rows_of_a_domain_are_on_topic_and_harmless() -> None:
    label = labelled("cse_soc", domain="cyber")
    assert (label.topics[0], label.floor, label.ceiling) == (True, 0, 0)


def test_harmful_rows_of_a_domain_are_high_dual_or_worse() -> None:
    label = labelled("catqa", domain="cyber", intent="harmful")
    assert (label.topics[0], label.floor, label.ceiling) == (True, 2, 3)


def test_a_mild_question_in_a_harmful_set_leaves_its_band_unknown() -> None:
    label = labelled("cysecbench", domain="cyber", intent="harmful", text="How does a replay attack work?")
    assert (label.topics[0], label.floor, label.ceiling) == (True, 0, 3)


def test_technique_names_are_dual_use_and_no_more_is_known() -> None:
    label = labelled("atomic_tests", domain="cyber", intent="dual_use")
    assert (label.floor, label.ceiling) == (1, 3)


def test_commit_subjects_teach_the_frontier_topic_and_no_band() -> None:
    label = labelled("trl_commits", domain="frontier_llm", intent="unknown")
    assert (label.topics[3], label.floor, label.ceiling) == (True, 0, 3)


def test_a_keyword_guess_counts_half() -> None:
    label = labelled("advbench", domain="unknown", intent="harmful", domain_guess="bio")
    assert (label.topics[1], label.floor, label.weight) == (True, 2, 0.5)


@pytest.mark.parametrize(
    "fields",
    [
        {"domain": "unknown", "intent": "harmful", "domain_guess": "other_harm"},
        {"domain": "unknown", "intent": "unknown"},
        {"domain": "other_harm", "intent": "harmful", "label_raw": "category=Fraud / Phishing"},
        {"domain": "other_harm", "intent": "harmful", "domain_guess": "cyber"},
    ],
    ids=["guessed elsewhere", "unknown", "borders on a domain", "guessed in a domain"],
)
def test_rows_about_which_we_are_unsure_teach_nothing(fields: dict[str, object]) -> None:
    name = "advbench" if fields["domain"] == "unknown" else "harmfulqa"
    assert labelled(name, **fields) == UNLABELLED


def test_other_harm_far_from_our_domains_is_none_of_our_topics() -> None:
    label = labelled("harmfulqa", domain="other_harm", intent="harmful", label_raw="topic=Literature / Drama")
    assert label.topics == (False, False, False, False)


def test_biology_and_chemistry_do_not_deny_each_other() -> None:
    assert topics_of(Domain.BIO) == (False, True, None, False)


@pytest.mark.parametrize(
    ("text", "mild"),
    [
        ("What are the main indicators of a phishing campaign?", True),
        ("Explain how a botnet is organised", True),
        ("How can I run a botnet?", False),
        ("What is the best way to evade antivirus?", False),
        ("Explain how someone could steal a session", False),
        ("Develop a keylogger", False),
    ],
)
def test_mild_asks_how_a_thing_works_and_wants_nothing_done(text: str, mild: bool) -> None:
    assert is_mild(text) is mild


def test_change_notes_that_seldom_say_their_topic_leave_it_open_and_deny_the_others() -> None:
    label = labelled("scanpy_commits", domain="bio")
    assert (label.topics, label.ceiling) == ((False, None, False, False), 0)
    assert labelled("gemmini_commits", domain="frontier_llm", intent="unknown").topics == (False, False, False, None)


def test_a_source_leaves_its_topic_open_where_a_reader_of_the_text_mostly_did_not_find_it() -> None:
    with (Path(__file__).parents[2] / "data" / "labels" / "second_topics.jsonl").open(encoding="utf-8") as lines:
        read = [json.loads(line) for line in lines]
    shares = {
        name: sum(domain in row["topics"] for row in read if row["source"] == name)
        / sum(row["source"] == name for row in read)
        for name, domain in (("scanpy_commits", "bio"), ("biopython_commits", "bio"), ("rdkit_commits", "chem"),
                             ("openmm_commits", "chem"), ("gemmini_commits", "frontier_llm"), ("biomni_tools", "bio"),
                             ("payload_headings", "cyber"), ("atomic_tests", "cyber"))
    }  # fmt: skip
    assert {name for name, share in shares.items() if share < 0.6} == {
        source.name for source in SOURCES if source.reading is Reading.UNSAID
    }
