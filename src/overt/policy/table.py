"""What may stand in a policy file. The parser, the JSON Schema and the documentation's test all read this table."""

from __future__ import annotations

from overt.core.domain import Band, Domain
from overt.core.policy import Mode, OnUnavailable, OnUncovered, Prescription
from overt.tomlfile.shape import (
    SENTENCES,
    Choice,
    Condition,
    Key,
    ManyTables,
    Number,
    OneTable,
    Table,
    Text,
    Texts,
    WordOrNumber,
)

RELEASE = "release"
"""The threshold that stands for the acting point which the classifier's release has earned."""

_NAME = Text(
    pattern=r"[a-z0-9][a-z0-9-]*",
    rule="a name of lower-case letters, digits and hyphens",
    remedy='write something like "default" or "our-lab"',
    longest=40,
)
_VERSION = Text(
    pattern=r"[0-9A-Za-z][0-9A-Za-z.+-]*",
    rule="a version without blanks",
    remedy='write something like "1", "2.1" or "2026-06"',
    longest=40,
)
_PROSE = Text(
    pattern=SENTENCES,
    rule="a sentence",
    remedy="write one or two sentences and end with a full stop",
    longest=800,
    prose=True,
)
_CLAUSE = Text(
    pattern=r"[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f.])?",
    rule="a few words on one line without a full stop",
    remedy='write what follows "An automated check read your message as …"',
    longest=100,
)
_EXAMPLE = Text(longest=200)
_MODEL = Text(
    pattern=r"[^\x00-\x20\x7f\"]+",
    rule="the name of a model",
    remedy='write it as callers do, without blanks: "demo-small"',
    longest=200,
)

_MODES = Table(
    about="How far the rules of each domain may go: off, shadow (recorded only), notify, redirect, refuse.",
    keys=tuple(
        Key(
            name=domain.value,
            kind=Choice(tuple(Mode)),
            about=f"The strictest thing that a rule about {domain} may do.",
            why="every domain has its mode, so that none is on or off by accident",
        )
        for domain in Domain
    ),
)

_RULE = Table(
    about="One rule: if a request is of this domain and band (or worse) with at least this probability, then this.",
    keys=(
        Key(
            name="id",
            kind=Text(
                pattern=rf"({'|'.join(Domain)})-[1-9][0-9]*",
                rule="the id of a rule",
                remedy='write the domain, a hyphen and a number: "cyber-2"',
                longest=40,
            ),
            about="The name that notices and receipts quote: the domain, a hyphen and a number.",
            why="notices and receipts quote it",
        ),
        Key(name="domain", kind=Choice(tuple(Domain)), about="What the request is about.", why="a rule has one domain"),
        Key(
            name="band",
            kind=Choice(tuple(Band)),
            about="How sensitive the request is at least. benign means: any request about the domain.",
            why="a rule says from which band it applies",
        ),
        Key(
            name="threshold",
            kind=WordOrNumber(Choice((RELEASE,)), Number(above=0, at_most=1)),
            about=(
                "From which probability the rule matches: a number, or the acting point that the classifier's release "
                "has earned on real negatives; where it has earned none, the rule is recorded but not enforced."
            ),
            why='a rule says from which probability it applies ("release" for the earned acting point)',
        ),
        Key(
            name="prescribes",
            kind=Choice(tuple(Prescription)),
            about="What happens: the requested model answers with a notice, a lesser model answers, or none does.",
            why="a rule says what happens",
        ),
        Key(
            name="title",
            kind=_CLAUSE,
            about='A few words that follow "An automated check read your message as …" in a notice.',
            why="every notice names the clause",
        ),
        Key(
            name="reason",
            kind=_PROSE,
            about="One or two sentences to the person whose request it is: why the rule exists.",
            why="nobody is refused or redirected without a reason",
        ),
        Key(name="allowed", kind=Texts(item=_EXAMPLE), about="Published examples of what stays fine."),
        Key(
            name="covered",
            kind=Texts(item=_EXAMPLE),
            about="Published examples of what the rule is for, in the abstract.",
        ),
    ),
    conditions=(
        *(
            Condition(
                when=("domain", domain.value),
                key="id",
                must=Text(pattern=rf"{domain}-[1-9][0-9]*", longest=40),
                what=f"is not the id of a rule about {domain}",
                remedy=f'call it "{domain}-1", or with another number',
            )
            for domain in Domain
        ),
        Condition(
            when=("domain", Domain.FRONTIER_LLM.value),
            key="band",
            must=Choice((Band.BENIGN, Band.LOW_DUAL, Band.HIGH_DUAL)),
            what="is not a band of frontier_llm",
            remedy='a commercial restriction is not a harm: use at most "high_dual"',
        ),
    ),
)

_FALLBACK = Table(
    about='Which lesser models may answer in place of one model. In a list, first choice first; empty means "none".',
    keys=(
        Key(
            name="model",
            kind=_MODEL,
            about='The requested model, or "*" for every model that has no table of its own for the domain.',
            why='say which requested model this is for, or "*" for any',
        ),
        *(
            Key(
                name=domain.value,
                kind=Texts(item=_MODEL),
                about=f"The models that may answer a request about {domain} instead.",
            )
            for domain in Domain
        ),
    ),
)

POLICY = Table(
    about="Which requests are answered by a lesser model, refused or only disclosed, and the public reason for each.",
    keys=(
        Key(name="name", kind=_NAME, about="The policy's name.", why="notices and receipts quote it"),
        Key(
            name="version",
            kind=_VERSION,
            about="Its version; raise it with every change, since notices quote it.",
            why="notices and receipts quote it",
        ),
        Key(name="title", kind=Text(longest=100), about="A headline for the policy page."),
        Key(name="summary", kind=_PROSE, about="What the policy does and why."),
        Key(
            name="on_unavailable",
            kind=Choice(tuple(OnUnavailable)),
            about=(
                "What happens when a fault leaves no finding: retry answers with an honest error that may be retried, "
                "notify lets the requested model answer and says that nothing was checked."
            ),
            why=(
                "a classifier can fail, and a request that nobody checked may neither pass in silence "
                "nor be refused as if a rule applied"
            ),
        ),
        Key(
            name="on_uncovered_language",
            kind=Choice(tuple(OnUncovered)),
            about=(
                "What happens to a request in a language that the classifier's release does not cover: notify lets the "
                "requested model answer and says that nothing was checked, record lets it answer and says so only in "
                "the receipt and a header, refuse lets no model answer and says that this is not about the content."
            ),
            why="a classifier finds nothing in a language that it was not made for, and that is not the same as none",
        ),
        Key(name="modes", kind=OneTable(_MODES), about=_MODES.about, why="every domain has its mode"),
        Key(
            name="rules",
            kind=ManyTables(table=_RULE, fewest=1),
            about="The rules.",
            why="a policy without rules does nothing; switch domains off in [modes] instead",
        ),
        Key(name="fallbacks", kind=ManyTables(table=_FALLBACK), about="Which lesser models may answer, by model."),
    ),
)
