"""A judge in front of the decision: what it clears passes, and the log knows of it beforehand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from gateway_samples import asked, running

from overt.classify.judge.ask import Judge
from overt.classify.judge.judged import Judged
from overt.classify.judge.shapes import SHAPES
from overt.classify.judge.written import written_policies
from overt.config.parse import parse_settings
from overt.core.domain import Band
from overt.core.request import Role
from overt.gateway.compose import opened
from overt.log.files import directory_reader
from overt.policy.bundle import bundled_text, load_bundled
from overt.proof import tiles
from overt.proof.check import check_log
from overt.testing.classifier import FixedClassifier
from overt.testing.contracts.classifier import asks
from overt.testing.judge_server import JudgeFault, JudgeServer

SHAPE = "gpt-oss-safeguard"
ROWS = Path(__file__).parents[2] / "data" / "requests" / "cyber.jsonl"


def sensitive() -> Iterator[str]:
    """Requests, to be tried until the shipped release would act on one, whichever release that is."""
    for row in map(json.loads, ROWS.read_text(encoding="utf-8").splitlines()):
        if row["band"] == Band.PROHIBITED:
            yield row["text"]


CASES = {
    "benign": (Band.BENIGN, None, "pass", ["judge"]),
    "the same": (Band.PROHIBITED, None, "refuse", ["judge"]),
    "less": (Band.HIGH_DUAL, None, "redirect", ["judge"]),
    "none": (Band.BENIGN, JudgeFault.STATUS_500, "refuse", ["judge:unavailable"]),
}


@pytest.mark.parametrize(("band", "fault", "action", "stages"), CASES.values(), ids=CASES.keys())
def test_an_opinion_decides_what_is_done_and_no_opinion_does_not(
    band: Band, fault: JudgeFault | None, action: str, stages: list[str]
) -> None:
    async def run() -> None:
        async with JudgeServer(speaks=SHAPE, band=band, fault=fault) as server:
            judge = Judge(url=server.url, model="m", shape=SHAPES[SHAPE], policies=written_policies(), timeout_s=30.0)
            gate = await running(classifier=Judged(FixedClassifier(), judge))
            async with gate.http() as http:
                row = (await http.post("/v1/classify", json={"id": 1, "text": "cyber:prohibited"})).json()
                reply = await http.post("/v1/messages", json=asked("cyber:prohibited"))
            await judge.aclose()
        assert (row["action"], row["stages"]) == (action, stages)
        told = reply.json().get("overt")
        assert (told is None) is (action == "pass")

    asyncio.run(run())


def test_a_gateway_with_a_judge_announces_it_and_asks_it_with_its_key_before_it_acts(tmp_path: Path) -> None:
    async def run() -> None:
        async with JudgeServer(speaks=SHAPE) as server:
            text = (
                f'upstream = "demo:"\ndata = "{tmp_path}"\n[judge]\nurl = "{server.url}"\nmodel = "org/j"\n'
                f'shape = "{SHAPE}"\napi_key_env = "KEY"\ntimeout_s = 30\n'
            )
            settings = parse_settings(text, {"KEY": "sk-1"})
            toml = bundled_text("default").encode()
            async with opened(settings, load_bundled("default"), toml, public_url="http://gw") as gateway:
                vkey, texts = gateway.log.vkey, sensitive()
                assert isinstance(gateway.classifier, Judged)
                identity = gateway.classifier.identity
                while not server.asked:
                    await gateway.classifier.assess(asks((Role.USER, next(texts))))
        assert server.asked[0].headers["authorization"] == "Bearer sk-1"
        assert server.asked[0].body["model"] == "org/j"
        reader = directory_reader(tmp_path / "log")
        checkpoint = check_log(reader, vkey).checkpoint
        assert checkpoint is not None
        bundles = tiles.bundles_of(checkpoint.size)
        entries = [json.loads(entry) for bundle in bundles for entry in tiles.read_entries(reader, bundle)]
        (judge,) = (entry for entry in entries if entry.get("digest") == identity.digest)
        assert (judge["type"], judge["name"], judge["version"]) == ("classifier", f"judge {SHAPE}", "org/j")

    asyncio.run(run())
