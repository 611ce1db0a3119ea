"""Settings are read whole, or refused with every problem, and no message shows a secret."""

from __future__ import annotations

import copy
import dataclasses
import json
import traceback

import pytest
from config_samples import ENVIRON, FULL, JUDGE, KEY, LITERAL, MISTAKES
from hypothesis import given
from hypothesis import strategies as st

from overt.config.parse import parse_settings
from overt.config.settings import (
    DEMO_MODELS,
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
    WireProtocol,
)
from overt.core.domain import ModelName
from overt.errors import InvalidFile, Problem


def problems(text: str) -> tuple[Problem, ...]:
    """What is wrong with a text."""
    with pytest.raises(InvalidFile) as caught:
        parse_settings(text, ENVIRON)
    return caught.value.problems


def test_one_line_is_a_configuration_and_passes_the_callers_key_through() -> None:
    settings = parse_settings('upstream = "https://api.anthropic.com"', {})
    (upstream,) = settings.upstreams
    assert (upstream.name, upstream.url) == ("api.anthropic.com", "https://api.anthropic.com")
    assert upstream.protocol is WireProtocol.ANTHROPIC
    assert upstream.models is None
    assert upstream.credential == PassThrough()
    assert upstream.timeouts == Timeouts(connect_s=10, first_byte_s=600, idle_s=300)
    assert not settings.authenticate
    assert (settings.policy, settings.origin, settings.max_body_mib) == ("default", "localhost/overt/log", 20)


def test_every_value_of_the_full_form_arrives() -> None:
    settings = parse_settings(FULL, ENVIRON)
    assert (settings.policy, settings.data) == ("ours.toml", "/var/lib/overt")
    assert settings.contact == "mailto:appeals@example.org"
    assert settings.public_url == "https://gw.example.org"
    assert settings.origin == "gw.example.org/other"
    assert settings.max_body_bytes == 5 * 1024 * 1024
    assert settings.authenticate
    first, second = settings.upstreams
    assert (first.name, first.url, first.models) == ("first", "https://one.example:8443/base", ("big-1", "big-2"))
    assert first.timeouts == Timeouts(connect_s=1, first_byte_s=2.5, idle_s=3)
    assert isinstance(first.credential, FromEnvironment)
    assert first.credential.pair() == ("authorization", f"Bearer {KEY}")
    assert (second.name, second.models, second.credential) == ("two.example", None, NoCredential())
    assert settings.judge == JudgeSettings(
        url="http://localhost:8001/judge",
        model=ModelName("org/judge-20b"),
        shape=JudgeShape.GRANITE_GUARDIAN,
        api_key=Secret(KEY),
        timeout_s=0.5,
    )
    assert settings.shadow == "releases/candidate"
    assert settings.log.memory == "elsewhere/checkpoint"
    assert settings.log.tiles == "s3://bucket/gw/log"
    assert settings.log.database == Secret("postgresql://me@db/overt")
    assert settings.log.witnesses == "witnesses.txt"


def test_a_judge_waits_a_second_and_a_half_and_sends_no_key_unless_told_otherwise() -> None:
    judge = parse_settings(JUDGE, {}).judge
    assert judge is not None
    assert (judge.timeout_s, judge.api_key, judge.shape) == (1.5, None, JudgeShape.LLAMA_GUARD)


def test_without_a_table_there_is_no_judge() -> None:
    assert parse_settings('upstream = "demo:"', {}).judge is None


def test_without_a_table_or_a_key_no_second_copy_of_the_head_is_kept() -> None:
    assert parse_settings('upstream = "demo:"', {}).log == LogSettings()
    assert parse_settings('upstream = "demo:"\n[log]\n', {}).log == LogSettings()


@pytest.mark.parametrize("key", ["retension", "path", "password"])
def test_a_key_of_the_log_that_does_nothing_is_refused(key: str) -> None:
    with pytest.raises(InvalidFile, match=key):
        parse_settings(f'upstream = "demo:"\n[log]\n{key} = "x"\n', {})


def test_without_a_table_or_a_key_nothing_is_tried_in_shadow() -> None:
    assert parse_settings('upstream = "demo:"', {}).shadow is None
    assert parse_settings('upstream = "demo:"\n[classifier]\n', {}).shadow is None


def test_the_embedded_default_is_what_the_demo_address_gives() -> None:
    assert parse_settings('upstream = "demo:"', {}) == Settings.default()
    assert Settings.default().upstreams[0].models == DEMO_MODELS
    assert Settings.default().authenticate


def test_the_demo_models_may_stand_beside_an_upstream_that_takes_all_others() -> None:
    text = '[[upstreams]]\nurl = "demo:"\n[[upstreams]]\nurl = "https://one.example"\ncredential = "none"\n'
    demo, rest = parse_settings(text, {}).upstreams
    assert (demo.name, demo.models, demo.is_demo) == ("overt-demo", DEMO_MODELS, True)
    assert rest.models is None


def test_without_an_origin_the_log_is_called_after_the_public_address() -> None:
    text = FULL.replace('origin = "gw.example.org/other"\n', "")
    assert parse_settings(text, ENVIRON).origin == "gw.example.org/log"


def test_a_key_from_the_environment_goes_into_x_api_key_unless_told_otherwise() -> None:
    text = '[[upstreams]]\nurl = "https://one.example"\ncredential = "env:UPSTREAM_KEY"\n'
    settings = parse_settings(text, ENVIRON)
    assert settings.authenticate
    assert settings.upstreams[0].credential == FromEnvironment(
        variable="UPSTREAM_KEY", header=KeyHeader.X_API_KEY, secret=Secret(KEY)
    )


PASSING = '[[upstreams]]\nurl = "https://passing.example"\nmodels = ["a"]\n'
OURS = '[[upstreams]]\nurl = "https://ours.example"\nmodels = ["b"]\ncredential = "env:UPSTREAM_KEY"\n'
OPEN = '[[upstreams]]\nurl = "https://open.example"\nmodels = ["c"]\ncredential = "none"\n'
YES, NO = "[callers]\nauthenticate = true\n", "[callers]\nauthenticate = false\n"

COMBINATIONS = {
    "pass-through": (PASSING, False),
    "pass-through, false": (NO + PASSING, False),
    "pass-through, true": (YES + PASSING, None),
    "key of ours": (OURS, True),
    "key of ours, true": (YES + OURS, True),
    "key of ours, false": (NO + OURS, False),
    "no key": (OPEN, True),
    "no key, false": (NO + OPEN, False),
    "pass-through beside no key": (PASSING + OPEN, False),
    "pass-through beside a key of ours": (PASSING + OURS, None),
    "pass-through beside a key of ours, false": (NO + PASSING + OURS, False),
    "pass-through beside a key of ours, true": (YES + PASSING + OURS, None),
    "short form, true": (f'upstream = "https://one.example"\n{YES}', None),
}


@pytest.mark.parametrize(("text", "authenticate"), COMBINATIONS.values(), ids=COMBINATIONS.keys())
def test_every_combination_of_credentials_and_authentication_is_decided(text: str, authenticate: bool | None) -> None:
    if authenticate is None:
        (problem,) = problems(text)
        assert "authenticate" in problem.where
        assert "env:NAME" in problem.remedy
    else:
        assert parse_settings(text, ENVIRON).authenticate is authenticate


@pytest.mark.parametrize(("text", "line", "what", "remedy"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_has_its_line_and_a_remedy(text: str, line: int | None, what: str, remedy: str) -> None:
    (found,) = problems(text)
    assert found.line == line
    assert what in f"{found.where}: {found.what}"
    assert remedy in found.remedy


def test_every_problem_is_reported_at_once_and_in_the_order_of_lines() -> None:
    text = FULL.replace("max_body_mib = 5", "max_body_mib = 50").replace("UPSTREAM_KEY", "NOPE").replace('"first"', "1")
    assert [problem.line for problem in problems(text)] == [6, 12, 16, 30]


@pytest.mark.parametrize("text", LITERAL.values(), ids=LITERAL.keys())
def test_a_secret_in_the_file_is_refused_with_the_remedy_and_not_shown(text: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        parse_settings(text, ENVIRON)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert KEY not in repr(caught.value.problems)


def test_the_remedy_for_a_secret_in_the_file_is_the_environment() -> None:
    for name in ("as credential", "as api_key of an upstream", "as api_key of the file"):
        (problem,) = problems(LITERAL[name])
        assert "env:NAME" in problem.remedy


def test_a_password_in_an_address_is_refused_and_not_shown() -> None:
    (problem,) = problems(f'upstream = "https://me:{KEY}@one.example"')
    assert KEY not in str(problem)
    assert "without user name" in problem.remedy


def test_a_broken_variable_is_not_shown() -> None:
    (problem,) = problems('[[upstreams]]\nurl = "https://one.example"\ncredential = "env:BROKEN"\n')
    assert KEY not in str(problem)


def test_a_secret_never_shows_itself() -> None:
    settings = parse_settings(FULL, ENVIRON)
    secret = Secret(KEY)
    for shown in (repr(settings), str(settings), repr(secret), str(secret), f"{secret}", f"{secret!r:>20}"):
        assert KEY not in shown
    assert KEY not in repr(dataclasses.asdict(settings))
    with pytest.raises(TypeError):
        json.dumps(dataclasses.asdict(settings), default=None)


def test_equal_secrets_are_equal_and_copies_too() -> None:
    assert Secret("a") == copy.deepcopy(Secret("a"))
    assert Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1


@given(st.one_of(st.text(), st.integers(0, len(FULL)).map(lambda cut: FULL[:cut] + FULL[cut + 1 :])))
def test_any_text_is_a_configuration_or_a_list_of_problems(text: str) -> None:
    assert outcome(text)


def outcome(text: str) -> tuple[object, ...]:
    """The upstreams, or the problems in the text."""
    try:
        return parse_settings(text, ENVIRON).upstreams
    except InvalidFile as error:
        return error.problems
