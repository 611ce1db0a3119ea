"""A whole collection from two simulated endpoints with trouble on the way: what comes is what the models said."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from collect_samples import IMPATIENT, collected, plan_of, records_of, route, wanted

from overt.audit.answers import answers_of
from overt.audit.plan import Api, Role
from overt.testing.audited import AuditedServer
from overt.testing.audited_trouble import Trouble
from overt.testing.language_models import Asked, LanguageModel, SimulatedEndpoint, SimulatedModel

LARGE = SimulatedModel(name="large", words=LanguageModel(seed=1))
SMALL = SimulatedModel(name="small", words=LanguageModel(seed=2))
TROUBLE = Trouble(limited=0.1, retry_after_s=0, broken=0.1, cut=0.1)
PATIENT = replace(IMPATIENT, attempts=20)


@pytest.mark.parametrize("api", list(Api))
def test_trouble_on_the_way_changes_no_answer(tmp_path: Path, api: Api) -> None:
    async def go() -> None:
        honest = SimulatedEndpoint(serves=LARGE, seed=1)
        other = SimulatedEndpoint(serves=SMALL, seed=1)
        async with (
            AuditedServer(endpoint=honest, trouble=TROUBLE, key="one-key-of-many") as official,
            AuditedServer(endpoint=other, trouble=replace(TROUBLE, seed=1)) as reseller,
        ):
            plan = plan_of(
                route(official.url, "official", role=Role.REFERENCE, api=api, key_variable="OFFICIAL_KEY"),
                route(reseller.url, "reseller", api=api),
                asked=20,
                samples=2,
            )
            keys = {"OFFICIAL_KEY": "one-key-of-many"}
            of = wanted(tmp_path, plan, environment=keys, patience=PATIENT)
            assert await collected(of) is None
            records = records_of(of)
            assert len(records) > 80
            said: dict[tuple[str, str], set[str]] = defaultdict(set)
            for answer in answers_of(records).answers:
                said[answer.model, answer.pid].add(answer.text)
            for name, endpoint in (("official", honest), ("reseller", other)):
                for prompt in plan.prompts:
                    asked = (Asked(prompt=prompt.text, call=call, most=1024) for call in (0, 1))
                    assert said[name, prompt.pid] == {endpoint.answer(each).text for each in asked}

    asyncio.run(go())
