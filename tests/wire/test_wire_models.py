"""The Models API, as the official client reads it."""

from __future__ import annotations

import json

import pytest
from wire_samples import BETA, PRIMARY, TARGET, client

from overt.core.domain import ModelName
from overt.errors import NotFound
from overt.wire.anthropic.models import models_list, one_model

DESCRIPTIONS = (
    {"id": PRIMARY, "display_name": "Fable 5", "created_at": "2026-06-09T00:00:00Z", "future": [1]},
    {"id": TARGET, "created": 1700000000, "object": "model", "allowed_fallback_models": ["made-up"]},
)


def allowed(model: ModelName) -> tuple[ModelName, ...]:
    return (TARGET,) if model == PRIMARY else ()


def test_a_list_parses_strictly_with_fallbacks_for_those_who_asked() -> None:
    page = client(models_list(DESCRIPTIONS, betas=(BETA,), allowed=allowed)).beta.models.list(betas=[BETA])
    assert [(each.id, each.display_name, each.lifecycle) for each in page.data] == [
        (PRIMARY, "Fable 5", "active"),
        (TARGET, TARGET, "active"),
    ]
    assert [each.allowed_fallback_models for each in page.data] == [[TARGET], []]
    assert (page.data[0].model_extra or {})["future"] == [1]
    assert (page.has_more, page.first_id, page.last_id) == (False, PRIMARY, TARGET)


@pytest.mark.parametrize("betas", [(), ("fallback-credit-2026-07-01",)], ids=["no beta", "credit beta alone"])
def test_fallbacks_are_not_shown_without_their_beta(betas: tuple[str, ...]) -> None:
    body = models_list(DESCRIPTIONS, betas=betas, allowed=allowed)
    assert all("allowed_fallback_models" not in each for each in json.loads(body)["data"])
    assert len(client(body).models.list().data) == 2


def test_one_model_parses_and_an_unknown_one_is_not_found() -> None:
    body = one_model(DESCRIPTIONS, PRIMARY, betas=(BETA,), allowed=allowed)
    assert client(body).beta.models.retrieve(PRIMARY).allowed_fallback_models == [TARGET]
    with pytest.raises(NotFound, match="'claude-x'"):
        one_model(DESCRIPTIONS, "claude-x", betas=(), allowed=allowed)


def test_an_empty_list_is_a_list() -> None:
    assert client(models_list((), betas=(), allowed=allowed)).models.list().data == []
