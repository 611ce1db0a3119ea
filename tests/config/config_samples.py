"""Configurations as text: a full one, and ones with a mistake."""

from __future__ import annotations

KEY = "sk-very-secret-0123456789"
ENVIRON = {"UPSTREAM_KEY": KEY, "EMPTY": "", "BROKEN": f"{KEY}\n", "DATABASE": "postgresql://me@db/overt"}

FULL = """\
policy = "ours.toml"
data = "/var/lib/overt"
contact = "mailto:appeals@example.org"
public_url = "https://gw.example.org/"
origin = "gw.example.org/other"
max_body_mib = 5

[callers]
authenticate = true

[[upstreams]]
name = "first"
protocol = "anthropic"
url = "https://one.example:8443/base/"
models = ["big-1", "big-2"]
credential = "env:UPSTREAM_KEY"
header = "authorization"
connect_timeout_s = 1
first_byte_timeout_s = 2.5
idle_timeout_s = 3

[[upstreams]]
url = "http://two.example"
credential = "none"

[judge]
url = "http://localhost:8001/judge/"
model = "org/judge-20b"
shape = "granite-guardian"
api_key_env = "UPSTREAM_KEY"
timeout_s = 0.5

[classifier]
shadow = "releases/candidate"

[log]
memory = "elsewhere/checkpoint"
database_env = "DATABASE"
tiles = "s3://bucket/gw/log"
witnesses = "witnesses.txt"
"""

ONE = '[[upstreams]]\nname = "one"\nurl = "https://one.example"\nmodels = ["a"]\n'
DEMO = '[[upstreams]]\nurl = "demo:"\n'
JUDGE = 'upstream = "demo:"\n[judge]\nurl = "http://localhost:8001"\nmodel = "j"\nshape = "llama-guard"\n'

MISTAKES: dict[str, tuple[str, int | None, str, str]] = {
    "nothing at all": ("", None, "upstream or upstreams", "write either"),
    "both forms": ('upstream = "https://x.example"\n' + ONE, None, "both are given", "write either"),
    "no upstream in the list": ("upstreams = []", 1, "empty", "[[upstreams]]"),
    "unknown key": ('polcy = "default"\nupstream = "demo:"', 1, "no such key", "'policy'"),
    "address without a scheme": ('upstream = "x.example"', 1, "not the address", "https://"),
    "address of another kind": ('upstream = "ftp://x.example"', 1, "not the address", "https://"),
    "address with a query": ('upstream = "https://x.example?a=b"', 1, "not the address", "query"),
    "port that does not exist": ('upstream = "https://x.example:70000"', 1, "70000", "65535"),
    "address that ends in /v1": ('upstream = "https://x.example/v1/"', 1, "/v1", "leave"),
    "body limit of zero": ('max_body_mib = 0\nupstream = "demo:"', 1, "0", "1 or more"),
    "body limit of a part": ('max_body_mib = 1.5\nupstream = "demo:"', 1, "1.5", "whole"),
    "body limit too large": ('max_body_mib = 31\nupstream = "demo:"', 1, "31", "at most 30"),
    "contact without a scheme": ('contact = "me@x.example"\nupstream = "demo:"', 1, "me@x.example", "mailto:"),
    "origin with a scheme": ('origin = "https://x.example"\nupstream = "demo:"', 1, "origin", "without a scheme"),
    "origin with a plus": ('origin = "x.example/a+b"\nupstream = "demo:"', 1, "origin", "without a scheme"),
    "public address without a contact": (
        'public_url = "https://x.example"\nupstream = "demo:"',
        None,
        "contact",
        "add",
    ),
    "unknown protocol": (ONE + 'protocol = "anthropc"', 5, "anthropc", "'anthropic'"),
    "no address": ('[[upstreams]]\nname = "x"', 1, "url", "requests have to go somewhere"),
    "timeout of zero": (ONE + "idle_timeout_s = 0", 5, "0", "above 0"),
    "timeout without end": (ONE + "idle_timeout_s = inf", 5, "inf", "at most 3600"),
    "name given twice": (ONE + ONE.replace('"a"', '"b"'), 6, "'one'", "its own name"),
    "model given twice": (
        ONE + ONE.replace('"one"', '"two"') + 'credential = "none"\n',
        8,
        "already served by upstream 'one'",
        "once",
    ),
    "the caller's key for two": (
        ONE + ONE.replace('"one"', '"two"').replace('["a"]', '["b"]'),
        1,
        "passed on to 'one' and to 'two'",
        "all but one",
    ),
    "model listed twice": (ONE.replace('["a"]', '["a", "a"]'), 4, "twice", "once"),
    "no model in the list": (ONE.replace('["a"]', "[]"), 4, "empty", "leave the key out"),
    "two that take all others": (
        '[[upstreams]]\nurl = "https://a.example"\n[[upstreams]]\nurl = "https://b.example"\ncredential = "none"\n',
        3,
        "already takes every model",
        "name its models",
    ),
    "variable that is not set": (ONE + 'credential = "env:NOPE"', 5, "'NOPE' is not set", "set it"),
    "variable that is empty": (ONE + 'credential = "env:EMPTY"', 5, "'EMPTY' is empty", "set it"),
    "variable with a line end": (ONE + 'credential = "env:BROKEN"', 5, "'BROKEN' holds", "without a line end"),
    "header without a key": (ONE + 'header = "x-api-key"', 5, "header", "env:NAME"),
    "header for the caller's key": (
        ONE + 'credential = "pass-through"\nheader = "x-api-key"',
        6,
        "no header of its own",
        "leave it out",
    ),
    "demo with another name": (DEMO + 'name = "mine"', 3, "'mine'", "leave it out"),
    "demo with a key": (DEMO + 'credential = "env:UPSTREAM_KEY"', 3, "need no key", "leave it out"),
    "demo with other models": (DEMO + 'models = ["big"]', 3, "'big'", "demo-large"),
    "judge without an address": (
        JUDGE.replace('url = "http://localhost:8001"\n', ""),
        2,
        "url",
        "the judge has to be somewhere",
    ),
    "judge without a model": (JUDGE.replace('model = "j"\n', ""), 2, "model", "several models"),
    "judge without a shape": (JUDGE.replace('shape = "llama-guard"\n', ""), 2, "shape", "a form of its own"),
    "judge of an unknown shape": (JUDGE.replace("llama-guard", "lama-guard"), 5, "lama-guard", "'llama-guard'"),
    "judge of the demo": (JUDGE.replace("http://localhost:8001", "demo:"), 3, "OpenAI-compatible", "http://"),
    "judge's address that ends in /v1": (JUDGE.replace(":8001", ":8001/v1"), 3, "/v1", "leave"),
    "judge's port that does not exist": (JUDGE.replace(":8001", ":80010"), 3, "80010", "65535"),
    "judge's timeout of zero": (JUDGE + "timeout_s = 0", 6, "0", "above 0"),
    "judge's timeout without end": (JUDGE + "timeout_s = 31", 6, "31", "at most 30"),
    "judge's variable that is not set": (JUDGE + 'api_key_env = "NOPE"', 6, "'NOPE' is not set", "set it"),
    "judge's variable with a line end": (
        JUDGE + 'api_key_env = "BROKEN"',
        6,
        "'BROKEN' holds",
        "without a line end",
    ),
    "release named in the file": (
        'upstream = "demo:"\n[classifier]\nrelease = "x"',
        3,
        "release",
        "overt release activate",
    ),
    "shadow of nothing": ('upstream = "demo:"\n[classifier]\nshadow = ""', 3, "shadow", "one line"),
    "database that is not set": (
        'upstream = "demo:"\n[log]\ntiles = "s3://bucket"\ndatabase_env = "NOPE"',
        4,
        "'NOPE' is not set",
        "postgresql://",
    ),
    "database that is none": (
        'upstream = "demo:"\n[log]\ntiles = "s3://bucket"\ndatabase_env = "UPSTREAM_KEY"',
        4,
        "no address of a PostgreSQL database",
        "postgresql://",
    ),
    "database without tiles": (
        'upstream = "demo:"\n[log]\ndatabase_env = "DATABASE"',
        2,
        "share the tiles",
        'add tiles = "s3://',
    ),
    "database in the file": ('upstream = "demo:"\n[log]\ndatabase = "x"', 3, "database", "database_env"),
    "tiles of another kind": ('upstream = "demo:"\n[log]\ntiles = "/mnt"', 3, "object storage", "s3://bucket/prefix"),
    "judge's credential": (JUDGE + 'credential = "env:UPSTREAM_KEY"', 6, "credential", "api_key_env"),
}
"""A text with one mistake; then line, part of the message and part of the remedy of the problem."""

LITERAL = {
    "as credential": f'[[upstreams]]\nurl = "https://one.example"\ncredential = "{KEY}"\n',
    "as api_key of an upstream": f'[[upstreams]]\nurl = "https://one.example"\napi_key = "{KEY}"\n',
    "as api_key of the file": f'upstream = "https://one.example"\napi_key = "{KEY}"\n',
    "as variable name": f'[[upstreams]]\nurl = "https://one.example"\ncredential = "env:{KEY}"\n',
    "as api_key of the judge": f'{JUDGE}api_key = "{KEY}"\n',
    "as api_key_env of the judge": f'{JUDGE}api_key_env = "{KEY}"\n',
    "in the judge's address": JUDGE.replace("localhost", f"me:{KEY}@localhost"),
    "as a list": f'[[upstreams]]\nurl = "https://one.example"\ncredential = ["{KEY}"]\n',
}
