"""Which public request corpora may train the shipped weights, and what their labels mean to us.

The texts are not part of this repository; `overt train --data DIR` reads ``DIR/<name>.jsonl``. A source whose licence
is non-commercial, share-alike or unclear, whose intent or domain is unknown, or that is kept back as a fresh judge, is
for evaluation only and never touches a weight or a threshold.

A label becomes a topic per domain (yes, no, unknown) and an interval of bands [floor, ceiling]:

- benign in a domain: topic yes, band benign. Benign elsewhere: every topic no.
- harmful in cyber, bio or chem: topic yes, high_dual or worse. Where the source's own makers ask how a thing works
  rather than how to do it (`is_mild`), the band is unknown: those labels are noise.
- dual use (test names, technique headings, capture-the-flag): topic yes, low_dual or worse and no more is known: the
  source names techniques and says nothing of what somebody wants with them.
- frontier proxies (commit subjects, kernels, chip generators, paper titles): topic yes, band unknown. Work on a public
  training library is ordinary engineering; only stated scale makes it sensitive, and titles state none.
- change notes of a project in a domain that mostly do not speak of it: topic unknown there, no elsewhere. A reader who
  saw nothing but the text found the topic in 53 % of `scanpy_commits` and 40 % of `gemmini_commits`, against 75 % and
  more of the other projects (``data/labels/second_topics.jsonl``).
- harmful without a topic label: the keyword guess, at half weight; other harm: every topic no, unless a keyword guess
  names one of our domains or the category borders on one (fraud, privacy, weapons, drugs): then it is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias, final

from overt.core.domain import DOMAINS, Band, Domain


class Use(StrEnum):
    """What a source may do."""

    TRAIN = "train"
    THRESHOLD = "threshold"
    EVALUATE = "evaluate"


class Reading(StrEnum):
    """How its labels are read."""

    LABELLED = "labelled"
    DUAL_USE = "dual-use names"
    PROXY = "frontier proxy"
    UNSAID = "the text seldom says the topic"
    GUESSED = "harmful, keyword guess"
    UNREAD = "no usable label"


@final
@dataclass(frozen=True, slots=True)
class Source:
    """One file of the corpus."""

    name: str
    licence: str
    use: Use = Use.TRAIN
    reading: Reading = Reading.LABELLED
    why: str = ""


_NC = "non-commercial"
_SA = "share-alike"
_KEPT = "whole source kept back"

SOURCES: Final = (
    # harmful requests
    Source("cysecbench", "MIT"),
    Source("cse_interpreter", "MIT"),
    Source("catqa", "Apache-2.0"),
    Source("harmfulqa", "Apache-2.0"),
    Source("air_bench_examples", "CC-BY-4.0"),
    Source("ailuminate_demo", "CC-BY-4.0"),
    Source("advbench", "MIT", reading=Reading.GUESSED),
    Source("strongreject", "MIT", reading=Reading.GUESSED),
    Source("adversarialqa", "Apache-2.0", reading=Reading.GUESSED),
    Source("refusal_direction_harmful", "MIT", reading=Reading.GUESSED),
    Source("simplesafetytests", "CC-BY-4.0"),
    Source("donotanswer", "CC-BY-NC-SA-4.0 upstream", Use.EVALUATE, why=_NC),
    Source("inthewild_jailbreaks", "unclear upstream", Use.EVALUATE, Reading.UNREAD, "licence unclear, intent unknown"),
    Source("hh_harmless_test", "MIT", Use.EVALUATE, Reading.UNREAD, "domain and intent unknown"),
    Source("xsafety", "Apache-2.0", Use.EVALUATE, Reading.UNREAD, "domain and intent unknown"),
    Source("openai_moderation", "MIT", Use.EVALUATE, Reading.UNREAD, "content, not requests; intent unknown"),
    Source("cse_prompt_injection", "MIT", Use.EVALUATE, Reading.UNREAD, "intent unknown"),
    # cyber, benign and dual use
    Source("cse_soc", "MIT"),
    Source("sigma_rules", "DRL-1.1"),
    Source("atomic_tests", "MIT", reading=Reading.DUAL_USE),
    Source("payload_headings", "MIT", reading=Reading.DUAL_USE),
    Source("intercode", "MIT", reading=Reading.DUAL_USE),
    Source("wstg_objectives", "CC-BY-SA-4.0", Use.EVALUATE, Reading.DUAL_USE, _SA),
    Source("seceval", "CC-BY-NC-SA-4.0", Use.EVALUATE, why=_NC),
    # biology and chemistry, benign
    Source("mmlu_redux", "CC-BY-4.0"),
    Source("routellm_mmlu", "Apache-2.0"),
    Source("scibench", "MIT"),
    Source("openstax_microbiology", "CC-BY-4.0"),
    Source("openstax_chemistry", "CC-BY-4.0"),
    Source("chemistry_qa", "C-UDA-1.0"),
    Source("geneturing", "public domain"),
    Source("biomni_tools", "Apache-2.0"),
    Source("biopython_commits", "Biopython License / BSD-3-Clause"),
    Source("scanpy_commits", "BSD-3-Clause", reading=Reading.UNSAID),
    Source("rdkit_commits", "BSD-3-Clause"),
    Source("openmm_commits", "MIT / LGPL in parts", Use.EVALUATE, why="licence mixed"),
    Source("gaokao_zh", "Apache-2.0"),
    Source("frenchmedmcqa", "Apache-2.0"),
    Source("plexpt_zh", "MIT"),
    Source("scieval_biology", "none stated", Use.EVALUATE, why="no licence"),
    Source("exams_qa", "CC-BY-SA-4.0", Use.EVALUATE, why=_SA),
    Source("jmmlu", "CC-BY-SA-4.0", Use.EVALUATE, why=_SA),
    Source("xquad", "CC-BY-SA-4.0", Use.EVALUATE, why=_SA),
    # frontier proxies and machine learning
    Source("deepspeed_commits", "Apache-2.0", reading=Reading.PROXY),
    Source("torchtitan_commits", "BSD-3-Clause", reading=Reading.PROXY),
    Source("verl_commits", "Apache-2.0", reading=Reading.PROXY),
    Source("openrlhf_commits", "Apache-2.0", reading=Reading.PROXY),
    Source("gemmini_commits", "BSD-3-Clause", reading=Reading.UNSAID),
    Source("tritonbench", "Apache-2.0", reading=Reading.PROXY),
    Source("rlhf_titles", "Apache-2.0", reading=Reading.PROXY),
    Source("cutlass_commits", "BSD-3-Clause", reading=Reading.PROXY),
    Source("flashattention_commits", "BSD-3-Clause", reading=Reading.PROXY),
    Source("tilelang_commits", "MIT", reading=Reading.PROXY),
    Source("te_commits", "Apache-2.0", reading=Reading.PROXY),
    Source("trl_commits", "Apache-2.0", reading=Reading.PROXY),
    Source("maxtext_commits", "Apache-2.0", reading=Reading.PROXY),
    Source("colossalai_commits", "Apache-2.0", reading=Reading.PROXY),
    Source("gpu_mode", "MIT", reading=Reading.PROXY),
    Source("ml_engineering_headings", "CC-BY-SA-4.0", Use.EVALUATE, Reading.PROXY, _SA),
    Source("tensara", "unclear", Use.EVALUATE, Reading.PROXY, "licence unclear"),
    Source("d2l_exercises", "CC-BY-SA-4.0", Use.EVALUATE, why=_SA),
    Source("keras_commits", "Apache-2.0"),
    Source("ibex_commits", "Apache-2.0"),
    Source("pareval", "MIT"),
    Source("verilog_eval", "MIT"),
    # general traffic
    Source("clinc150", "CC-BY-3.0"),
    Source("nlu_evaluation", "CC-BY-4.0"),
    Source("banking77", "CC-BY-4.0"),
    Source("webquestions", "CC-BY-4.0", Use.THRESHOLD, why=_KEPT),
    Source("self_instruct_seed", "Apache-2.0", Use.THRESHOLD, why=_KEPT),
    Source("taskmaster", "CC-BY-4.0", Use.THRESHOLD, why=_KEPT),
    Source("coconot", "ODC-BY"),
    Source("cse_instruct", "MIT"),
    Source("gsm8k", "MIT"),
    Source("mgsm", "CC-BY-4.0"),
    Source("songys_chatbot_ko", "MIT"),
    Source("crosswoz_zh", "Apache-2.0"),
    Source("awesome_prompts", "CC0-1.0", Use.EVALUATE, Reading.UNREAD, "intent unknown: some imitate jailbreaks"),
    Source("oasst_prompts", "Apache-2.0", Use.EVALUATE, why="intent unknown: volunteers' chat, unfiltered"),
    Source("alpaca", "CC-BY-NC-4.0", Use.EVALUATE, why=_NC),
    Source("alpaca_eval", "CC-BY-NC-4.0", Use.EVALUATE, why=_NC),
    Source("nq_open", "CC-BY-SA-3.0", Use.EVALUATE, why=_SA),
    Source("rubq", "CC-BY-SA-4.0", Use.EVALUATE, why=_SA),
    Source("sgd_dialogues", "CC-BY-SA-4.0", Use.EVALUATE, why=_SA),
    Source("staqc_sql", "CC-BY-4.0, titles CC-BY-SA", Use.EVALUATE, why=_SA),
    # what agents put in front of a request
    Source("aider_prompts", "Apache-2.0"),
    Source("gemini_cli_prompts", "Apache-2.0"),
    Source("fabric_patterns", "MIT"),
    Source("sweagent_prompts", "MIT"),
    Source("github_mcp_tools", "MIT"),
    Source("mcp_servers_tools", "MIT / Apache-2.0"),
    Source("tooluniverse", "Apache-2.0"),
)

GUESS_WEIGHT: Final = 0.5
Topics: TypeAlias = tuple[bool | None, bool | None, bool | None, bool | None]
"""Yes, no or unknown, in order of `Domain`."""

NOWHERE: Final[Topics] = (False, False, False, False)
UNKNOWN: Final[Topics] = (None, None, None, None)
TOP: Final = Band.PROHIBITED.rank


@final
@dataclass(frozen=True, slots=True)
class Label:
    """What is known: the topics, and that the band is at least ``floor`` and at most ``ceiling`` (ranks)."""

    topics: Topics
    floor: int = 0
    ceiling: int = TOP
    weight: float = 1.0


UNLABELLED: Final = Label(UNKNOWN, weight=0.0)
_BORDER: Final = re.compile(r"fraud|phish|privacy|weapon|drug|hazard|surveil|doxx|iwp|nvc|identity|hack|malware", re.I)
_MILD: Final = re.compile(
    r"^(what (is|are) (the |some )?(main |key |common |typical |primary )?"
    r"(consequences|differences?|impacts?|implications|effects|indicators|signs|risks|metrics|defen[cs]es|countermeasures)"
    r"|what (is|metrics|factors) |how (does|do) |which (tools|metrics) |explain (how|the|what) |why |describe how "
    r"|is it possible to (detect|prevent)|are there any (legal|ethical))",
    re.I,
)
_WANTS: Final = re.compile(
    r"(\bi\b|\bmy\b|someone|undetect|evad|bypass|without (being|getting|detection)|steal|minimi[sz]ing)", re.I
)


def topics_of(domain: Domain) -> Topics:
    """Yes for one domain and no for the others; biology and chemistry overlap, so neither denies the other."""

    def asked(other: Domain) -> bool | None:
        if other is domain:
            return True
        return None if {domain, other} == {Domain.BIO, Domain.CHEM} else False

    cyber, bio, chem, frontier = (asked(other) for other in Domain)
    return (cyber, bio, chem, frontier)


def _unsaid(domain: Domain) -> Topics:
    cyber, bio, chem, frontier = (None if other is domain else False for other in Domain)
    return (cyber, bio, chem, frontier)


def is_mild(text: str) -> bool:
    """Whether a request in a harmful set asks how a thing works, and nothing says that somebody wants to do it."""
    return _MILD.search(text) is not None and _WANTS.search(text) is None


def label_of(source: Source, row: dict[str, object]) -> Label:
    """What a row of a source is taken to mean."""
    if source.reading is Reading.UNREAD:
        return UNLABELLED
    domain, intent, guess = str(row["domain"]), str(row["intent"]), str(row.get("domain_guess") or "")
    if source.reading is Reading.GUESSED:
        return _guessed(guess)
    if source.reading is Reading.UNSAID:
        return Label(_unsaid(Domain(domain)), ceiling=0 if intent == "benign" else TOP)
    if domain in DOMAINS:
        return _in_domain(Domain(domain), intent, str(row["text"]))
    return _elsewhere(domain, intent, guess, str(row.get("label_raw") or ""))


def _in_domain(domain: Domain, intent: str, text: str) -> Label:
    topics = topics_of(domain)
    match intent:
        case "benign":
            return Label(topics, ceiling=0)
        case "dual_use":
            return Label(topics, floor=Band.LOW_DUAL.rank)
        case "harmful" if not is_mild(text):
            return Label(topics, floor=Band.HIGH_DUAL.rank)
        case _:
            return Label(topics)


def _guessed(guess: str) -> Label:
    if guess in DOMAINS:
        return Label(topics_of(Domain(guess)), floor=Band.HIGH_DUAL.rank, weight=GUESS_WEIGHT)
    return UNLABELLED


def _elsewhere(domain: str, intent: str, guess: str, category: str) -> Label:
    if intent == "benign":
        return Label(NOWHERE if domain == "none" and guess not in DOMAINS else UNKNOWN, ceiling=0)
    if domain == "other_harm" and guess not in DOMAINS and _BORDER.search(category) is None:
        return Label(NOWHERE, ceiling=0, weight=GUESS_WEIGHT)
    return UNLABELLED
