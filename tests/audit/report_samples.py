"""Audits on disk, made by code: a signed plan, and the chained records of an honest or a changed endpoint."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, final

from overt.audit.chain import digest, encode_record
from overt.audit.collect.order import units_of
from overt.audit.collect.request import body_of
from overt.audit.plan import Api, Plan, Price, Question, Role, Route
from overt.audit.planning.encode import plan_digest
from overt.audit.planning.seal import KEY_FILE, PLAN_FILE, VKEY_FILE, seal_plan
from overt.audit.prompts.checkers import grade
from overt.audit.prompts.reference import Reference, written
from overt.audit.prompts.sets import items
from overt.audit.record import Record
from overt.audit.report.document import document_of
from overt.audit.report.material import RECORDS_FILE, opened, read_files
from overt.audit.report.result import Result, result_of
from overt.audit.report.seal import RESULT_FILE, seal_result
from overt.audit.rows import Prompt
from overt.log.keys import SeedSigner, release_signer

MADE: Final = "2026-11-23T09:00:00Z"
FIRST: Final = datetime(2026, 11, 23, 10, tzinfo=UTC)
_WORDS: Final = """
    the of and to in is that it as for was with be by on not he his but at are this have from or had an they which one
    you were all her she there would their we him been has when who will no more if out so up said what its about
"""
WORDS: Final = tuple(_WORDS.split())


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a simulated endpoint says to one call."""

    text: str
    served: str = "big-1"
    given: int = 40
    refused: bool = False


Speak = Callable[[Prompt, int], Said]


def prose(seed: str, *, bulleted: bool = False) -> str:
    """Words drawn from a seed: two seeds are two draws of one model. ``bulleted`` is another model."""
    drawn = random.Random(seed)
    sentences = [
        " ".join(drawn.choices(WORDS, k=drawn.randint(6, 14))).capitalize() + "." for _ in range(drawn.randint(2, 5))
    ]
    return "\n".join(f"- **{each}**" for each in sentences) if bulleted else " ".join(sentences)


def honest(name: str) -> Speak:
    """The same model for every name, in another draw."""
    return lambda prompt, rep: Said(text=prose(f"{name} {prompt.pid} {rep}"))


def changed(name: str) -> Speak:
    """Another model."""
    return lambda prompt, rep: Said(text=prose(f"{name} {prompt.pid} {rep}", bulleted=True))


def graded(name: str, references: Mapping[str, Reference], rate: Callable[[Prompt], float]) -> Speak:
    """Right as often as ``rate`` says of the prompt."""

    def speak(prompt: Prompt, rep: int) -> Said:
        drawn = random.Random(f"{name} {prompt.pid} {rep}")
        reference = references[prompt.pid]
        said = written(reference) if drawn.random() < rate(prompt) else "zebra crossing"
        text = f"{prose(f'{name} {prompt.pid} {rep}')}\nAnswer: {said}"
        assert grade(reference, text).score is not None
        return Said(text=text)

    return speak


def prompts(count: int) -> tuple[Prompt, ...]:
    return tuple(Prompt(pid=f"p{n}", topic="any", text=f"Question {n}, ö?") for n in range(count))


def route(name: str, role: Role = Role.ENDPOINT, **members: Any) -> Route:
    plain: dict[str, Any] = {
        "name": name,
        "role": role,
        "api": Api.CHAT,
        "base_url": f"https://{name}.example",
        "model": "big-1",
        "price": Price(input=Decimal(1), output=Decimal(10)),
    }
    return Route(**(plain | members))


def plan_of(*endpoints: str, asked: Sequence[Prompt] = prompts(40), **members: Any) -> Plan:
    """A plan with the route ``official`` as the reference."""
    plain: dict[str, Any] = {
        "question": Question.CHANGE,
        "routes": (route("official", Role.REFERENCE), *(route(name) for name in endpoints or ("reseller",))),
        "prompts": tuple(asked),
        "samples": 1,
        "alpha": 0.05,
        "seed": 7,
        "budget": Decimal("5.00"),
        "currency": "USD",
        "made_at": MADE,
        "power": 0.93,
    }
    return Plan(**(plain | members))


def topic_plan(forms: int = 40) -> tuple[Plan, dict[str, Reference]]:
    """A plan about a topic from a set of ours, with its references."""
    chosen = items("chem")[: 2 * forms]
    references = {item.prompt.pid: item.reference for item in chosen}
    plan = plan_of(
        asked=[item.prompt for item in chosen],
        question=Question.TOPIC,
        topic="chem",
        control="control_chem",
        checkers="chem",
    )
    return plan, references


def records_of(plan: Plan, speakers: Mapping[str, Speak]) -> list[Record]:
    """One answered call after the other, in the plan's order, not chained yet."""
    routes = {each.name: each for each in plan.routes}
    found: list[Record] = []
    for unit in units_of(plan):
        for name in unit.routes:
            said = speakers[name](unit.prompt, unit.rep)
            at = FIRST + timedelta(seconds=len(found))
            found.append(
                Record(
                    number=0,
                    previous="",
                    at=at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                    route=name,
                    role=routes[name].role,
                    api=Api.CHAT,
                    pid=unit.prompt.pid,
                    rep=unit.rep,
                    model=routes[name].model,
                    request=body_of(routes[name], unit.prompt),
                    status=200,
                    headers=(("x-request-id", f"req-{len(found)}"),),
                    body=body(said),
                    first_byte_ms=20,
                    total_ms=60,
                )
            )
    return found


def body(said: Said) -> str:
    message = {"role": "assistant", "content": said.text, "refusal": said.text if said.refused else None}
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": said.served,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": said.given, "completion_tokens": len(said.text) // 4},
        }
    )


def chained(plan: Plan, records: Sequence[Record]) -> bytes:
    """The lines of records, numbered and chained anew."""
    lines, head = list[bytes](), plan_digest(plan)
    for number, record in enumerate(records):
        lines.append(encode_record(replace(record, number=number, previous=head)))
        head = digest(lines[-1])
    return b"".join(lines)


def signer(folder: Path) -> SeedSigner:
    return release_signer(folder / KEY_FILE, "auditor.example")


def laid_out(folder: Path, plan: Plan, records: Sequence[Record]) -> SeedSigner:
    """The folder as plan and collection leave it."""
    folder.mkdir(exist_ok=True)
    key = signer(folder)
    (folder / VKEY_FILE).write_text(key.vkey + "\n", "utf-8")
    (folder / PLAN_FILE).write_bytes(seal_plan(plan, key.vkey, key.sign))
    (folder / RECORDS_FILE).write_bytes(chained(plan, records))
    return key


def audited(folder: Path, plan: Plan, speakers: Mapping[str, Speak]) -> Result:
    """A whole audit with its report; gives the result."""
    key = laid_out(folder, plan, records_of(plan, speakers))
    return reported(folder, key)


def reported(folder: Path, key: SeedSigner, edit: Callable[[dict[str, Any]], None] = lambda _: None) -> Result:
    """Sign what the folder's records give, edited by a dishonest auditor where ``edit`` does something."""
    found = result_of(opened(read_files(folder), key.vkey))
    document: dict[str, Any] = document_of(found, "2026-11-23T12:00:00Z")
    edit(document)
    (folder / RESULT_FILE).write_bytes(seal_result(document, key.vkey, key.sign))
    return found


def sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
