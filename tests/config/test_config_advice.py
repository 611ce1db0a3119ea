"""What is allowed but worth a second look is said."""

from __future__ import annotations

import pytest

from overt.config.advice import advice
from overt.config.parse import parse_settings
from overt.config.settings import Settings

CONTACT = 'contact = "https://x.example/appeals"\n'
OPEN_KEY = '[callers]\nauthenticate = false\n[[upstreams]]\nurl = "https://a.example"\ncredential = "env:K"\n'

JUDGE = CONTACT + 'upstream = "demo:"\n[judge]\nmodel = "j"\n'

CASES = {
    "no contact": ('upstream = "https://a.example"', "contact is not set"),
    "open key": (CONTACT + OPEN_KEY, "spends your key for upstream 'a.example'"),
    "no encryption": (CONTACT + 'upstream = "http://a.example"', "without encryption"),
    "advisory judge": (f'{JUDGE}url = "http://localhost:1"\nshape = "qwen3guard"\n', "'qwen3guard' is advisory"),
    "no encryption to the judge": (f'{JUDGE}url = "http://a.example"\nshape = "gpt-oss-safeguard"\n', "to the judge"),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_a_risk_is_named(text: str, expected: str) -> None:
    (found,) = advice(parse_settings(text, {"K": "key"}))
    assert expected in found


def test_the_embedded_default_and_a_local_server_need_no_advice() -> None:
    assert advice(Settings.default()) == ()
    assert advice(parse_settings(CONTACT + 'upstream = "http://localhost:8000"', {})) == ()
