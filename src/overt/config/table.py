"""What may stand in a configuration file. The parser, the JSON Schema and the documentation's test read this table."""

from __future__ import annotations

from overt.config.settings import (
    DEFAULT_DATA,
    DEFAULT_JUDGE_TIMEOUT_S,
    DEFAULT_MAX_BODY_MIB,
    DEFAULT_POLICY,
    JudgeShape,
    KeyHeader,
    Timeouts,
    WireProtocol,
)
from overt.tomlfile.shape import Choice, Flag, Key, ManyTables, Number, OneTable, Table, Text, Texts

PASS_THROUGH = "pass-through"
NONE = "none"
ENVIRONMENT = "env:"

_HOST = r"([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
_PORT = r"(:[0-9]{1,5})?"
_ADDRESS = rf"https?://{_HOST}{_PORT}(/[A-Za-z0-9._~%/-]*)?"

# An address may hold a password in front of its host; that is refused, and must not be quoted back either.
_URL = Text(
    pattern=rf"demo:|{_ADDRESS}",
    rule="the address of a model server",
    remedy='write "https://…" without user name, query or fragment, or "demo:" for the built-in models',
    secret=True,
)
_NAME = Text(
    pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*",
    rule="a name of letters, digits, dots, hyphens and underscores",
    remedy='write something like "anthropic" or "our-vllm"',
    longest=80,
)
_MODEL = Text(
    pattern=r"[^\x00-\x20\x7f\"]+",
    rule="the name of a model",
    remedy='write it as callers do, without blanks: "big-1"',
)
_CREDENTIAL = Text(
    pattern=r"pass-through|none|env:[A-Za-z_][A-Za-z0-9_]*",
    rule='"pass-through", "none" or "env:NAME"',
    remedy='never write a key into this file: put it into an environment variable and write credential = "env:NAME"',
    secret=True,
)
_VARIABLE = Text(
    pattern=r"[A-Za-z_][A-Za-z0-9_]*",
    rule="the name of an environment variable",
    remedy="never write a secret into this file: put it into an environment variable, and write its name here",
    secret=True,
)
_WAIT = Number(above=0, at_most=3600)

_NO_SECRETS = dict.fromkeys(
    ("api_key", "apikey", "key", "token", "secret", "password"),
    'no secret stands in this file: set an environment variable, and write credential = "env:NAME" under [[upstreams]]',
)

_UPSTREAM = Table(
    about="One model server.",
    mistaken=_NO_SECRETS,
    keys=(
        Key(name="name", kind=_NAME, about="What receipts call the provider; left out, the host of the address."),
        Key(
            name="protocol",
            kind=Choice(tuple(WireProtocol)),
            about="What the server speaks.",
            default=WireProtocol.ANTHROPIC.value,
        ),
        Key(
            name="url",
            kind=_URL,
            about='The server\'s address without /v1, or "demo:" for the built-in demonstration models.',
            why="requests have to go somewhere",
        ),
        Key(
            name="models",
            kind=Texts(item=_MODEL, fewest=1),
            about="The models it serves. One upstream may leave this out and then takes every other model.",
        ),
        Key(
            name="credential",
            kind=_CREDENTIAL,
            about=(
                "The key that the server gets: the caller's own (pass-through), one from the environment (env:NAME), "
                'or none. Left out: pass-through, and none for "demo:".'
            ),
        ),
        Key(
            name="header",
            kind=Choice(tuple(KeyHeader)),
            about="The header for a key from the environment; authorization sends it as a bearer token.",
            default=KeyHeader.X_API_KEY.value,
        ),
        Key(
            name="connect_timeout_s",
            kind=_WAIT,
            about="How long to wait for a connection.",
            default=Timeouts().connect_s,
        ),
        Key(
            name="first_byte_timeout_s",
            kind=_WAIT,
            about="How long to wait for the first byte of an answer.",
            default=Timeouts().first_byte_s,
        ),
        Key(
            name="idle_timeout_s",
            kind=_WAIT,
            about="How long to wait between two pieces of an answer.",
            default=Timeouts().idle_s,
        ),
    ),
)

_CALLERS = Table(
    about="Who may use the gateway.",
    keys=(
        Key(
            name="authenticate",
            kind=Flag(),
            about=(
                "Whether callers need a key made by `overt key`. Left out: true, but false where the caller's own key "
                "is passed through, because one header cannot carry two keys."
            ),
        ),
    ),
)

_JUDGE = Table(
    about="A model that reads a written policy and is asked before anything is done to a request. See judge.md.",
    mistaken=dict.fromkeys(
        ("api_key", "apikey", "key", "token", "secret", "password", "credential"),
        'no secret stands in this file: set an environment variable, and write api_key_env = "NAME" under [judge]',
    ),
    keys=(
        Key(
            name="url",
            kind=Text(
                pattern=_ADDRESS,
                rule="the address of an OpenAI-compatible server",
                remedy='write "http://localhost:8000" without user name, query or fragment',
                secret=True,
            ),
            about="The address of an OpenAI-compatible server without /v1.",
            why="the judge has to be somewhere",
        ),
        Key(
            name="model", kind=_MODEL, about="The judge's name on that server.", why="a server may hold several models"
        ),
        Key(
            name="shape",
            kind=Choice(tuple(JudgeShape)),
            about="How it is asked and answers. qwen3guard and llama-guard are advisory: they change no decision.",
            why="each family of judges is asked and answers in a form of its own",
        ),
        Key(
            name="api_key_env",
            kind=_VARIABLE,
            about="The environment variable that holds the key, sent as a bearer token. Left out: no key is sent.",
        ),
        Key(
            name="timeout_s",
            kind=Number(above=0, at_most=30),
            about="How long to wait for its opinions on one request. Without one, what was found stands.",
            default=DEFAULT_JUDGE_TIMEOUT_S,
        ),
    ),
)

_CLASSIFIER = Table(
    about="The classifier's releases. Which one decides is not chosen here: see releases.md.",
    mistaken=dict.fromkeys(
        ("release", "weights", "active"), "put a release to use with `overt release activate DIR`, which logs it"
    ),
    keys=(
        Key(
            name="shadow",
            kind=Text(longest=1000),
            about="The folder of a release that is tried beside the one in use and decides nothing.",
        ),
    ),
)

_LOG = Table(
    about="How the transparency log is kept. Left out: in the data folder alone. See log.md.",
    mistaken=dict.fromkeys(
        ("database", "dsn", "password"),
        'no secret stands in this file: set an environment variable, and write database_env = "NAME" under [log]',
    ),
    keys=(
        Key(
            name="memory",
            kind=Text(longest=1000),
            about=(
                "A file on another disk, or an object in another bucket (s3://…), that remembers the last checkpoint, "
                "so that a start on restored backups is refused. The file's folder must exist."
            ),
        ),
        Key(
            name="database_env",
            kind=_VARIABLE,
            about=(
                "The environment variable that holds the address of a PostgreSQL database for the log's queue and for "
                "the store, so that several gateways can share them. Needs tiles."
            ),
        ),
        Key(
            name="tiles",
            kind=Text(
                pattern=r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._-]+)*",
                rule="a place in object storage",
                remedy='write "s3://bucket/prefix"; credentials, region and endpoint come from AWS_… variables',
            ),
            about="A place in object storage for tiles and checkpoints. Left out: the data folder.",
        ),
        Key(
            name="witnesses",
            kind=Text(longest=1000),
            about=(
                "A file that lists witnesses, where they are, and how many of them must cosign a checkpoint "
                "(C2SP tlog-policy). Left out: nobody cosigns."
            ),
        ),
    ),
)

CONFIG = Table(
    about="The configuration of an Overt gateway.",
    mistaken=_NO_SECRETS,
    keys=(
        Key(
            name="upstream",
            kind=_URL,
            about="The short form: the address of the only model server. The long form is [[upstreams]].",
        ),
        Key(
            name="policy",
            kind=Text(longest=1000),
            about="The name of a bundled policy (default, broad, observe) or the path of a policy file.",
            default=DEFAULT_POLICY,
        ),
        Key(
            name="data",
            kind=Text(longest=1000),
            about="The folder of the gateway's keys, its log and its store.",
            default=DEFAULT_DATA,
        ),
        Key(
            name="contact",
            kind=Text(
                pattern=r"mailto:[^\x00-\x20\x7f@]+@[^\x00-\x20\x7f@]+|https://[^\x00-\x20\x7f]+",
                rule="an address to write to",
                remedy='write "mailto:appeals@example.org" or "https://example.org/appeals"',
            ),
            about="Whom every notice tells people to write to. Required with public_url.",
        ),
        Key(
            name="origin",
            kind=Text(
                pattern=r"[A-Za-z0-9][A-Za-z0-9._:-]*(/[A-Za-z0-9._~-]+)*",
                rule="the origin of a log",
                remedy='write a host and a path without a scheme: "gw.example.org/log"',
            ),
            about=(
                "The log's name in its checkpoints, for ever. Left out: the host of public_url and /log, "
                "or localhost/overt/log."
            ),
        ),
        Key(
            name="public_url",
            kind=Text(
                pattern=_ADDRESS,
                rule="the address of this gateway",
                remedy='write "https://gw.example.org"',
                secret=True,
            ),
            about="The address under which people reach this gateway; links in notices begin with it.",
        ),
        Key(
            name="max_body_mib",
            kind=Number(at_least=1, at_most=30, whole=True),
            about="The largest request that is accepted, in MiB.",
            default=DEFAULT_MAX_BODY_MIB,
        ),
        Key(name="upstreams", kind=ManyTables(table=_UPSTREAM, fewest=1), about="The model servers."),
        Key(name="callers", kind=OneTable(_CALLERS), about=_CALLERS.about),
        Key(name="judge", kind=OneTable(_JUDGE), about=_JUDGE.about),
        Key(name="classifier", kind=OneTable(_CLASSIFIER), about=_CLASSIFIER.about),
        Key(name="log", kind=OneTable(_LOG), about=_LOG.about),
    ),
    one_of=("upstream", "upstreams"),
    one_of_why='write either upstream = "https://…" or [[upstreams]] tables',
)
