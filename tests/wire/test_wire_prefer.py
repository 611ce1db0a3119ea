"""The header ``Prefer``."""

from __future__ import annotations

import pytest

from overt.core.domain import ModelName
from overt.core.request import Request, RequestedOnly, ServerChoice
from overt.errors import BadRequest
from overt.wire.prefer import OnFlag, Preferences, apply_preferences, parse_prefer

READ = {
    "nothing": ([], Preferences()),
    "others": (['respond-async, wait=10; x="overt-on-flag=refuse"', 'a="b, overt-fallback=none"'], Preferences()),
    "refuse": (["overt-on-flag=refuse"], Preferences(on_flag=OnFlag.REFUSE)),
    "redirect": (["Overt-On-Flag = Redirect"], Preferences(on_flag=OnFlag.REDIRECT)),
    "error, quoted": (['overt-on-flag="error"; why=x'], Preferences(on_flag=OnFlag.ERROR)),
    "fallback": (['overt-fallback="none"'], Preferences(no_fallback=True)),
    "fallback as a token": (["overt-fallback=none"], Preferences(no_fallback=True)),
    "both": (
        ['wait=1, overt-on-flag=refuse , overt-fallback="no\\ne"'],
        Preferences(on_flag=OnFlag.REFUSE, no_fallback=True),
    ),
    "the first counts": (["overt-on-flag=refuse", "overt-on-flag=redirect"], Preferences(on_flag=OnFlag.REFUSE)),
    "included": (["overt-receipt=included"], Preferences(included=True)),
    "included, in short": (["receipt=included, overt-completion=always"], Preferences(included=True, completion=True)),
    "broken, of others": (["@@@, =, wait=10"], Preferences()),
}


@pytest.mark.parametrize(("values", "expected"), READ.values(), ids=READ.keys())
def test_preferences_are_read(values: list[str], expected: Preferences) -> None:
    assert parse_prefer(values) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("overt-on-flag=refuze", "'refuze' is unknown: use one of refuse, redirect, error"),
        ("overt-on-flag", "'' is unknown"),
        ("overt-receipt=soon", "'soon' is unknown"),
        ("receipt=", "'' is unknown"),
        ("overt-completion=never", "'never' is unknown"),
        ("overt-fallback=claude-opus-5", "'claude-opus-5' is unknown"),
        ("overt-on-flag=re fuse", "cannot read Prefer: 'overt-on-flag=re fuse'"),
    ],
)
def test_a_misspelt_preference_of_ours_is_refused(value: str, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        parse_prefer([value])


@pytest.mark.parametrize(
    ("value", "stricter"),
    [
        ("", False),
        ("overt-on-flag=redirect", False),
        ("overt-on-flag=refuse", True),
        ("overt-on-flag=error", True),
        ("overt-fallback=none", True),
    ],
)
def test_a_preference_can_only_make_the_outcome_stricter(value: str, stricter: bool) -> None:
    willing = Request(model=ModelName("m"), segments=(), acceptance=ServerChoice())
    firm = Request(model=ModelName("m"), segments=())
    preferences = parse_prefer([value])
    assert apply_preferences(willing, preferences).acceptance == (RequestedOnly() if stricter else ServerChoice())
    assert apply_preferences(firm, preferences) == firm
