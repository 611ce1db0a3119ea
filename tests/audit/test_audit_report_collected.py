"""From a real collection, with trouble, many calls at once and an interruption, to a report that verifies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from collect_samples import IMPATIENT, collected, wanted
from collect_samples import records_of as gathered
from report_samples import laid_out, plan_of, prompts, reported, route

from overt.audit.collect.run import Cause
from overt.audit.collect.session import RECORDS_FILE, Session
from overt.audit.plan import Api, Role
from overt.audit.report import material
from overt.audit.report.material import read_files
from overt.audit.report.seal import RESULT_FILE
from overt.audit.report.verify import STEPS, verify_report
from overt.audit.verdict import Verdict
from overt.proof.verify import holds
from overt.testing.audited import AuditedServer
from overt.testing.audited_trouble import Trouble
from overt.testing.language_models import LanguageModel, SimulatedEndpoint, SimulatedModel

LARGE = SimulatedModel(name="large", words=LanguageModel(seed=1))
SMALL = SimulatedModel(name="small", words=LanguageModel(seed=2))
TROUBLE = Trouble(limited=0.1, retry_after_s=0, broken=0.1, cut=0.1)
PATIENT = replace(IMPATIENT, attempts=20)
ASKED = 40


def cut_at(answers: int) -> Callable[[Session], None]:
    """Stops a collection in the middle of its calls, and does not wait for those under way."""

    def during(session: Session) -> None:
        loop = asyncio.get_running_loop()

        def look() -> None:
            if sum(each.answered for each in session.collection.standings()) < answers:
                loop.call_soon(look)
                return
            session.collection.stop(Cause.INTERRUPTED, "interrupted")
            session.collection.cut()

        loop.call_soon(look)

    return during


def test_what_was_collected_with_trouble_and_a_stop_is_reported_and_verified(tmp_path: Path) -> None:
    async def go() -> str:
        async with (
            AuditedServer(endpoint=SimulatedEndpoint(serves=LARGE, seed=1), trouble=TROUBLE) as official,
            AuditedServer(endpoint=SimulatedEndpoint(serves=SMALL, seed=1), trouble=replace(TROUBLE, seed=1)) as other,
        ):
            routes = (
                route("official", Role.REFERENCE, api=Api.ANTHROPIC, base_url=official.url, price=None),
                route("reseller", api=Api.CHAT, base_url=other.url, price=None, most_at_once=2),
            )
            plan = plan_of(asked=prompts(ASKED), routes=routes, samples=2)
            key = laid_out(tmp_path, plan, [])
            of = wanted(tmp_path, plan, patience=PATIENT)
            stopped = await collected(of, cut_at(ASKED))
            assert stopped is not None
            assert ASKED <= len(gathered(of)) < 4 * ASKED
            assert await collected(of) is None
            found = reported(tmp_path, key)
            assert found.verdict is Verdict.CHANGED
            assert (found.collected.answered, found.collected.pairs) == (4 * ASKED, 2 * ASKED)
            assert found.data.records > 4 * ASKED
            return key.vkey

    vkey = asyncio.run(go())
    assert material.RECORDS_FILE == RECORDS_FILE
    steps = verify_report(read_files(tmp_path), (tmp_path / RESULT_FILE).read_bytes(), vkey, trusted=True)
    assert holds(steps), steps[-1]
    assert len(steps) == len(STEPS)
