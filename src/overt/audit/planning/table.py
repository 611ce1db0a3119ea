"""What may stand in a plan file (TOML). The reader and the documentation's test read this table."""

from __future__ import annotations

from typing import Final

from overt.audit.plan import Api, Question, Role
from overt.tomlfile.shape import Choice, Flag, Key, ManyTables, Number, OneTable, Table, Text

ENVIRONMENT: Final = "env:"
MOST_TOKENS: Final = 200_000

_NAME: Final = Text(
    pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*",
    rule="a name of letters, digits, dots, hyphens and underscores",
    remedy='write something like "cloud" or "our-vllm"',
    longest=80,
)
_URL: Final = Text(
    pattern=r"https?://([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~%/-]*)?",
    rule="the address of a model server",
    remedy='write "https://…" without user name, query or fragment, and without /v1',
    secret=True,
)
_MODEL: Final = Text(
    pattern=r"[^\x00-\x20\x7f\"]+", rule="the name of a model", remedy='write it as callers do: "big-1"'
)
_CREDENTIAL: Final = Text(
    pattern=r"env:[A-Za-z_][A-Za-z0-9_]*",
    rule='"env:NAME"',
    remedy='never write a key into this file: put it into an environment variable and write credential = "env:NAME"',
    secret=True,
)
_CURRENCY: Final = Text(
    pattern=r"[A-Z]{3}", rule="a currency", remedy='write its three letters, as in "USD" or "EUR"', longest=3
)
_JSON: Final = Text(pattern=r"\s*\{.*\}\s*", rule="a JSON object", remedy="write '{\"top_k\": 40}'", longest=2_000)
_SEED: Final = Number(at_least=0, at_most=2**53 - 1, whole=True)
_PRICE_RANGE: Final = Number(at_least=0, at_most=100_000)
_ONE_TO_MANY: Final = Number(at_least=1, at_most=100_000, whole=True)

_PRICE: Final = Table(
    about="What a million tokens cost.",
    keys=(
        Key(name="input", kind=_PRICE_RANGE, about="A million tokens of requests.", why="a budget needs prices"),
        Key(name="output", kind=_PRICE_RANGE, about="A million tokens of answers.", why="a budget needs prices"),
        Key(name="refusals_billed", kind=Flag(), about="Whether a refusal costs its tokens.", default=True),
    ),
)

_ROUTE: Final = Table(
    about="One way to one model.",
    keys=(
        Key(name="name", kind=_NAME, about="What reports call it.", why="answers are kept under it"),
        Key(
            name="role",
            kind=Choice(tuple(map(str, Role))),
            about="Its side of the comparison.",
            why="the test compares two sides",
        ),
        Key(
            name="api",
            kind=Choice(tuple(map(str, Api))),
            about="How it is spoken to.",
            why="requests are of one of three shapes",
        ),
        Key(name="base_url", kind=_URL, about="Its address, without /v1.", why="the calls go there"),
        Key(name="model", kind=_MODEL, about="The model that is asked for.", why="every request names one"),
        Key(
            name="credential",
            kind=_CREDENTIAL,
            about="The environment variable that holds the key; none is sent without it.",
        ),
        Key(
            name="max_tokens",
            kind=Number(at_least=1, at_most=MOST_TOKENS, whole=True),
            about="The longest answer. The worst case of the cost rests on it.",
        ),
        Key(name="temperature", kind=Number(at_least=0, at_most=2), about="Left to the server without it."),
        Key(name="parameters", kind=_JSON, about="Further members of every request, as a JSON object."),
        Key(name="price", kind=OneTable(_PRICE), about="Calls cost nothing without it, as to a server of one's own."),
        Key(name="most_per_minute", kind=_ONE_TO_MANY, about="Calls in any minute; not limited without it."),
        Key(
            name="most_at_once", kind=Number(at_least=1, at_most=256, whole=True), about="Calls at one time.", default=4
        ),
    ),
    mistaken=dict.fromkeys(
        ("api_key", "apikey", "key", "token", "secret", "password"),
        'no secret stands in this file: set an environment variable, and write credential = "env:NAME"',
    ),
)

_PROMPTS: Final = Table(
    about="Prompts: a set that comes with Overt, or a file of JSON lines.",
    keys=(
        Key(name="set", kind=_NAME, about="The name of a set."),
        Key(name="file", kind=Text(), about="A file with pid, topic and prompt, relative to this one."),
        Key(name="topic", kind=_NAME, about="Only the prompts of this topic; all without it."),
        Key(name="seed", kind=_SEED, about="For a set: which numbers are drawn into its forms.", default=0),
        Key(
            name="wording",
            kind=Number(at_least=0, at_most=7, whole=True),
            about="For a set: how it is said.",
            default=0,
        ),
        Key(name="times", kind=Number(at_least=1, at_most=100, whole=True), about="For a set: its length.", default=1),
        Key(name="most", kind=_ONE_TO_MANY, about="Take no more than this many of each topic, drawn by the seed."),
    ),
    one_of=("set", "file"),
    one_of_why='name a set that comes with Overt, set = "general", or a file of your own, file = "prompts.jsonl"',
)

PLAN: Final = Table(
    about="An audit, as it is fixed before its first call.",
    keys=(
        Key(
            name="question",
            kind=Choice(tuple(map(str, Question))),
            about="What is asked.",
            why="the test follows from it",
        ),
        Key(name="topic", kind=_NAME, about="For a question about a topic: that topic."),
        Key(name="control", kind=_NAME, about="For a question about a topic: the topic that it is matched with."),
        Key(
            name="margin",
            kind=Number(at_least=0, at_most=0.5),
            about="By how much more a topic may lose before that is called topic-specific.",
            default=0.05,
        ),
        Key(
            name="samples",
            kind=Number(at_least=1, at_most=1000, whole=True),
            about="Answers to each prompt on each route.",
            default=1,
        ),
        Key(name="alpha", kind=Number(above=0, at_most=0.2), about="The rate of false alarms.", default=0.05),
        Key(
            name="seed",
            kind=_SEED,
            about="Decides order and permutations.",
            default=1,
        ),
        Key(name="currency", kind=_CURRENCY, about="Of prices and budget.", default="USD"),
        Key(name="recorded", kind=Text(), about="Recorded answers that are the reference, relative to this file."),
        Key(
            name="checkers",
            kind=_NAME,
            about="The set whose checkers grade the answers; without it that of the topic, or the first set named.",
        ),
        Key(
            name="prompts",
            kind=ManyTables(table=_PROMPTS, fewest=1),
            about="What is asked.",
            why="an audit needs prompts",
        ),
        Key(
            name="routes",
            kind=ManyTables(table=_ROUTE, fewest=1),
            about="Who is asked.",
            why="an audit needs an endpoint",
        ),
    ),
    mistaken={
        "budget": "give it as --budget on the command line, so that no file alone spends money",
        "set": 'it belongs to a table of prompts: write [[prompts]], and below it set = "…"',
        "file": 'it belongs to a table of prompts: write [[prompts]], and below it file = "…"',
        "most": "it belongs to a table of prompts: write it below [[prompts]]",
        **dict.fromkeys(
            ("base_url", "model", "api", "credential", "max_tokens", "temperature"),
            "it belongs to a route: write it below [[routes]]",
        ),
    },
)
