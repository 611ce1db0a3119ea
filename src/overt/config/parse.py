"""Read the settings from a TOML text and the environment. Every problem is reported at once.

Secrets come from the environment only, and no message ever quotes one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain

from overt.config.settings import (
    DEFAULT_CONTACT,
    DEFAULT_DATA,
    DEFAULT_JUDGE_TIMEOUT_S,
    DEFAULT_MAX_BODY_MIB,
    DEFAULT_ORIGIN,
    DEFAULT_POLICY,
    DEMO_MODELS,
    DEMO_NAME,
    DEMO_URL,
    Credential,
    FromEnvironment,
    JudgeSettings,
    JudgeShape,
    KeyHeader,
    LogSettings,
    NoCredential,
    PassThrough,
    Secret,
    Settings,
    Timeouts,
    UpstreamSettings,
    WireProtocol,
)
from overt.config.table import CONFIG, ENVIRONMENT, NONE, PASS_THROUGH
from overt.core.domain import ModelName
from overt.errors import InvalidFile, Problem
from overt.tomlfile.read import Entry, in_order, read

_PARTS = re.compile(r"https?://(?P<host>\[[^\]]+\]|[^:/]+)(?::(?P<port>[0-9]+))?(?P<path>/.*)?")


def parse_settings(text: str, environ: Mapping[str, str], *, name: str = "overt.toml") -> Settings:
    """The settings in a text, with secrets from ``environ``; ``name`` is what messages call the file.

    Raises `InvalidFile` with all problems in the order of lines.
    """
    entry, problems = read(text, name=name, table=CONFIG)
    meant = (
        _addresses(entry),
        _upstreams(entry, environ),
        _callers(entry),
        _judge_key(entry, environ),
        _log_database(entry, environ),
        _contact(entry),
    )
    found = in_order((*problems, *chain.from_iterable(meant)))
    if found:
        raise InvalidFile(name, found)
    return _settings(entry, environ)


# --- problems of meaning ---------------------------------------------------------------------------------------------


def _addresses(entry: Entry) -> Iterator[Problem]:
    """Ports that do not exist, and paths that would be sent twice."""
    judge = entry.maybe_table("judge")
    servers = (*entry.tables("upstreams"), *((judge,) if judge else ()))
    for owner, key in ((entry, "upstream"), (entry, "public_url"), *((server, "url") for server in servers)):
        parts = _PARTS.fullmatch(owner.text(key))
        if parts is None:
            continue
        port = parts["port"]
        if port is not None and not 1 <= int(port) <= 65535:
            yield owner.problem(key, f"there is no port {int(port)}", "write a port from 1 to 65535, or none")
        if key != "public_url" and re.search(r"/v1/?$", parts["path"] or ""):
            yield owner.problem(key, "it ends in /v1, which Overt adds by itself", "leave /v1 out")


def _upstreams(entry: Entry, environ: Mapping[str, str]) -> Iterator[Problem]:
    upstreams = entry.tables("upstreams")
    for upstream in upstreams:
        yield from _demo(upstream)
        yield from _credential_problems(upstream, environ)
    yield from _repeated_names(upstreams)
    yield from _repeated_models(upstreams)


def _demo(upstream: Entry) -> Iterator[Problem]:
    if upstream.maybe("url") != DEMO_URL:
        return
    if upstream.text("name") not in ("", DEMO_NAME):
        what = f"the built-in models are called {DEMO_NAME!r} in receipts, not {upstream.text('name')!r}"
        yield upstream.problem("name", what, "leave it out")
    if upstream.text("credential") not in ("", NONE):
        yield upstream.problem("credential", "the built-in models need no key", "leave it out")
    strangers = [model for model in upstream.texts("models") if model not in DEMO_MODELS]
    if strangers:
        remedy = f"leave it out, or name {' or '.join(DEMO_MODELS)}"
        yield upstream.problem("models", f"{strangers[0]!r} is no built-in model", remedy)


def _credential_problems(upstream: Entry, environ: Mapping[str, str]) -> Iterator[Problem]:
    credential = upstream.text("credential")
    if not credential.startswith(ENVIRONMENT):
        if "header" in upstream.values and "credential" not in upstream.lines:
            yield upstream.problem("header", "it needs a key to carry", 'add credential = "env:NAME", or leave it out')
        elif "header" in upstream.values and credential:
            what = f"a credential of {credential!r} has no header of its own"
            yield upstream.problem("header", what, "leave it out: the caller's headers are sent on as they came")
        return
    yield from _variable_problems(upstream, "credential", credential.removeprefix(ENVIRONMENT), environ)


def _judge_key(entry: Entry, environ: Mapping[str, str]) -> Iterator[Problem]:
    judge = entry.maybe_table("judge")
    variable = judge.maybe("api_key_env") if judge else None
    if judge and variable:
        yield from _variable_problems(judge, "api_key_env", variable, environ)


def _log_database(entry: Entry, environ: Mapping[str, str]) -> Iterator[Problem]:
    """Gateways that share a database cannot each have their own folder of tiles."""
    log = entry.maybe_table("log")
    variable = log.maybe("database_env") if log else None
    if not log or not variable:
        return
    if re.fullmatch(r"postgres(ql)?://[\x21-\x7e]+", environ.get(variable, "")) is None:
        state = "holds no address of a PostgreSQL database" if environ.get(variable) else "is not set"
        what = f"the environment variable {variable!r} {state}"
        yield log.problem("database_env", what, 'set it to "postgresql://user:password@host/name"')
    if "tiles" not in log.lines:
        what = "it is missing, and gateways that share a database share the tiles"
        yield log.problem("tiles", what, 'add tiles = "s3://bucket/prefix"')


def _variable_problems(owner: Entry, key: str, variable: str, environ: Mapping[str, str]) -> Iterator[Problem]:
    """A variable that holds no key, or none that a header can carry."""
    value = environ.get(variable, "")
    if not value:
        state = "is empty" if variable in environ else "is not set"
        yield owner.problem(key, f"the environment variable {variable!r} {state}", "set it to the key")
    elif re.fullmatch(r"[\x21-\x7e]+", value) is None:
        what = f"the environment variable {variable!r} holds blanks or characters that no header can carry"
        yield owner.problem(key, what, "set it to the key alone, without a line end")


def _repeated_names(upstreams: tuple[Entry, ...]) -> Iterator[Problem]:
    seen: set[str] = set()
    for upstream in upstreams:
        name = _name(upstream)
        if name and name in seen:
            yield upstream.problem("name", f"{name!r} is already the name of another upstream", "give it its own name")
        seen.add(name)


def _repeated_models(upstreams: tuple[Entry, ...]) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    rest: list[str] = []
    for upstream in upstreams:
        models = _models(upstream)
        if models is None and "models" not in upstream.lines:
            rest.append(_name(upstream))
        if len(rest) > 1 and models is None:
            what = f"it is missing, but upstream {rest[0]!r} already takes every model that no other one names"
            yield upstream.problem("models", what, 'name its models: models = ["…"]')
        for model in models or ():
            if model in owners:
                what = f"{model!r} is already served by upstream {owners[model]!r}"
                yield upstream.problem("models", what, "name each model once")
            owners.setdefault(model, _name(upstream))


def _callers(entry: Entry) -> Iterator[Problem]:
    """One header cannot carry the caller's key for the upstream and a key of ours."""
    callers = entry.maybe_table("callers")
    authenticate = callers.flag("authenticate") if callers else None
    kinds = {_name(upstream): _credential_word(upstream) for upstream in _all_upstreams(entry)}
    passing = [name for name, word in kinds.items() if word == PASS_THROUGH]
    ours = [name for name, word in kinds.items() if word.startswith(ENVIRONMENT)]
    if callers and authenticate and passing:
        what = f"the caller's key cannot both open this gateway and be passed on to upstream {passing[0]!r}"
        remedy = f'write authenticate = false, or give {passing[0]!r} a credential = "env:NAME" or "none"'
        yield callers.problem("authenticate", what, remedy)
    if len(passing) > 1:
        what = f"the caller's one key would be passed on to {passing[0]!r} and to {passing[1]!r} alike"
        remedy = f'give all but one a credential = "env:NAME" or "none" (one of them is {passing[1]!r})'
        yield entry.problem("upstreams", what, remedy)
    if authenticate is None and passing and ours:
        what = f"upstream {passing[0]!r} gets the caller's key, upstream {ours[0]!r} yours"
        remedy = (
            f"write [callers] authenticate = false to let everybody who reaches the gateway spend your key for "
            f'{ours[0]!r}, or give {passing[0]!r} a credential = "env:NAME"'
        )
        yield (callers or entry).problem("callers.authenticate", what, remedy)


def _contact(entry: Entry) -> Iterator[Problem]:
    if "public_url" in entry.values and "contact" not in entry.lines:
        remedy = 'add contact = "mailto:…" or "https://…": notices tell people to write there'
        yield entry.problem("contact", "it is missing, and this gateway has a public address", remedy)


# --- values ----------------------------------------------------------------------------------------------------------


def _settings(entry: Entry, environ: Mapping[str, str]) -> Settings:
    upstreams = tuple(_upstream(upstream, environ) for upstream in _all_upstreams(entry))
    callers = entry.maybe_table("callers")
    authenticate = callers.flag("authenticate") if callers else None
    if authenticate is None:
        authenticate = not any(isinstance(upstream.credential, PassThrough) for upstream in upstreams)
    public_url = entry.maybe("public_url")
    classifier = entry.maybe_table("classifier")
    return Settings(
        upstreams=upstreams,
        policy=entry.maybe("policy") or DEFAULT_POLICY,
        data=entry.maybe("data") or DEFAULT_DATA,
        contact=entry.maybe("contact") or DEFAULT_CONTACT,
        origin=entry.maybe("origin") or (f"{_host(public_url)}/log" if public_url else DEFAULT_ORIGIN),
        public_url=public_url.rstrip("/") if public_url else None,
        max_body_mib=int(entry.number("max_body_mib") or DEFAULT_MAX_BODY_MIB),
        authenticate=authenticate,
        judge=_judge(entry.maybe_table("judge"), environ),
        shadow=classifier.maybe("shadow") if classifier else None,
        log=_log(entry.maybe_table("log"), environ),
    )


def _log(log: Entry | None, environ: Mapping[str, str]) -> LogSettings:
    if log is None:
        return LogSettings()
    variable = log.maybe("database_env")
    return LogSettings(
        memory=log.maybe("memory"),
        database=Secret(environ[variable]) if variable else None,
        tiles=log.maybe("tiles"),
        witnesses=log.maybe("witnesses"),
    )


def _judge(judge: Entry | None, environ: Mapping[str, str]) -> JudgeSettings | None:
    if judge is None:
        return None
    variable = judge.maybe("api_key_env")
    return JudgeSettings(
        url=judge.text("url").rstrip("/"),
        model=ModelName(judge.text("model")),
        shape=JudgeShape(judge.text("shape")),
        api_key=Secret(environ[variable]) if variable else None,
        timeout_s=judge.number("timeout_s") or DEFAULT_JUDGE_TIMEOUT_S,
    )


def _upstream(upstream: Entry, environ: Mapping[str, str]) -> UpstreamSettings:
    default = Timeouts()
    return UpstreamSettings(
        name=_name(upstream),
        protocol=WireProtocol(upstream.maybe("protocol") or WireProtocol.ANTHROPIC),
        url=upstream.text("url").rstrip("/"),
        models=_models(upstream),
        credential=_credential(upstream, environ),
        timeouts=Timeouts(
            connect_s=upstream.number("connect_timeout_s") or default.connect_s,
            first_byte_s=upstream.number("first_byte_timeout_s") or default.first_byte_s,
            idle_s=upstream.number("idle_timeout_s") or default.idle_s,
        ),
    )


def _all_upstreams(entry: Entry) -> tuple[Entry, ...]:
    """The upstream tables; the short form stands for one with nothing but an address."""
    short = entry.maybe("upstream")
    if short is None:
        return entry.tables("upstreams")
    return (Entry(where="upstream", values={"url": short}, lines={}, line=entry.lines.get("upstream")),)


def _name(upstream: Entry) -> str:
    """What receipts call the provider."""
    url = upstream.text("url")
    return upstream.maybe("name") or (DEMO_NAME if url == DEMO_URL else _host(url))


def _host(url: str) -> str:
    """The host of an address without its port, empty if there is none."""
    parts = _PARTS.fullmatch(url)
    return parts["host"].lower().strip("[]") if parts else ""


def _models(upstream: Entry) -> tuple[ModelName, ...] | None:
    """The models that it serves, None for every other one."""
    if "models" in upstream.values:
        return tuple(map(ModelName, upstream.texts("models")))
    return DEMO_MODELS if upstream.text("url") == DEMO_URL else None


def _credential_word(upstream: Entry) -> str:
    """The credential as it is or could have been written."""
    default = NONE if upstream.text("url") == DEMO_URL else PASS_THROUGH
    # A credential that was given but is not well-formed is a problem already, and of no known kind.
    return upstream.maybe("credential") or (NONE if "credential" in upstream.lines else default)


def _credential(upstream: Entry, environ: Mapping[str, str]) -> Credential:
    word = _credential_word(upstream)
    if word == NONE:
        return NoCredential()
    if word == PASS_THROUGH:
        return PassThrough()
    variable = word.removeprefix(ENVIRONMENT)
    header = KeyHeader(upstream.maybe("header") or KeyHeader.X_API_KEY)
    return FromEnvironment(variable=variable, header=header, secret=Secret(environ[variable]))
