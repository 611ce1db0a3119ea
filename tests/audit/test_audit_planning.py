"""Plans: read from TOML with every problem at once, encoded in one way, signed, and opened again."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.audit.plan import Api, Plan, Price, Question, Role, Route
from overt.audit.planning.encode import decode_plan, encode_plan, plan_digest
from overt.audit.planning.parse import Draft, read_draft
from overt.audit.planning.seal import KEY_FILE, PLAN_FILE, VKEY_FILE, open_plan, read_plan, seal_plan
from overt.audit.prompts.sets import load
from overt.audit.rows import Prompt
from overt.errors import BadRequest, InvalidFile, VerificationFailed
from overt.log.keys import release_signer, signer_of
from overt.proof.envelope import sign_envelope
from overt.proof.note import parse_vkey

SIGNER = signer_of("audit", bytes(32))
MADE_AT = "2026-11-23T20:00:00Z"

PLAN = Plan(
    question=Question.TOPIC,
    routes=(
        Route(
            name="direct",
            role=Role.REFERENCE,
            api=Api.ANTHROPIC,
            base_url="https://api.example.com",
            model="big-1",
            key_variable="KEY",
            parameters={"max_tokens": 300, "temperature": 0.7, "thinking": {"type": "disabled"}, "stop": ["\n"]},
            price=Price(input=Decimal("3.00"), output=Decimal("0.15"), refusals_billed=False),
            most_per_minute=60,
        ),
        Route(name="there", role=Role.ENDPOINT, api=Api.CHAT, base_url="http://[::1]:8000", model="big-1"),
    ),
    prompts=(
        Prompt(pid="t1", topic="llm", text="Wie schön?\u2028", stratum="s", pair="1"),
        Prompt(pid="c1", topic="other", text="Why?", pair="1"),
    ),
    samples=2,
    alpha=0.05,
    seed=2**53 - 1,
    budget=Decimal("5.00"),
    currency="EUR",
    made_at=MADE_AT,
    topic="llm",
    control="other",
    margin=0.1,
    recorded=None,
    checkers="frontier_llm",
    power=0.9123,
)


def no_set(name: str, /, *, seed: int, wording: int, times: int) -> tuple[Prompt, ...]:
    raise BadRequest(f"there is no prompt set {name!r} ({seed}, {wording}, {times})")


def one_set(name: str, /, *, seed: int, wording: int, times: int) -> tuple[Prompt, ...]:
    if name != "tens":
        raise BadRequest(f"there is no prompt set {name!r}")
    return tuple(
        Prompt(pid=f"{side}{number}:{seed}:{wording}", topic=side, text=f"{number}?", pair=str(number))
        for number in range(10 * times)
        for side in ("target", "control")
    )


def draft_of(folder: Path, text: str) -> Draft:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return read_draft(path, one_set, budget=Decimal(5), made_at=MADE_AT)


def problems_of(folder: Path, text: str) -> list[str]:
    with pytest.raises(InvalidFile) as caught:
        draft_of(folder, text)
    return [str(problem) for problem in caught.value.problems]


ROUTES = """
[[routes]]
name = "direct"
role = "reference"
api = "anthropic"
base_url = "https://api.example.com"
model = "big-1"
credential = "env:DIRECT_KEY"
max_tokens = 300
temperature = 0.7
parameters = '{"thinking": {"type": "disabled"}, "top_k": 40}'
price = { input = 3, output = 0.15, refusals_billed = false }
most_per_minute = 50

[[routes]]
name = "reseller"
role = "endpoint"
api = "responses"
base_url = "https://reseller.example.com/"
model = "big-1"
max_tokens = 200
"""
GOOD = 'question = "change"\nseed = 0\n[[prompts]]\nset = "tens"\nseed = 3\nwording = 2\ntimes = 2\n' + ROUTES


# --- the encoding ----------------------------------------------------------------------------------------------------


def test_a_plan_is_read_back_from_its_encoding() -> None:
    assert decode_plan(encode_plan(PLAN)) == PLAN


@given(
    alpha=st.floats(1e-6, 0.2),
    margin=st.floats(0, 0.5),
    budget=st.decimals(0, 10**12, places=4),
    seed=st.integers(0, 2**53 - 1),
    temperature=st.floats(0, 2),
)
def test_numbers_of_a_plan_survive_its_encoding_exactly(
    alpha: float, margin: float, budget: Decimal, seed: int, temperature: float
) -> None:
    first = replace(PLAN.routes[0], parameters={"temperature": temperature})
    plan = replace(PLAN, alpha=alpha, margin=margin, budget=budget, seed=seed, routes=(first, *PLAN.routes[1:]))
    assert decode_plan(encode_plan(plan)) == plan


def test_the_order_of_parameters_does_not_change_the_digest() -> None:
    first = PLAN.routes[0]
    turned = replace(first, parameters=dict(reversed(list(first.parameters.items()))))
    assert plan_digest(replace(PLAN, routes=(turned, *PLAN.routes[1:]))) == plan_digest(PLAN)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param('"alpha":"0.05"', '"alpha":"0.050"', id="a fraction in another way"),
        pytest.param('"alpha":"0.05"', '"alpha":"often"', id="no fraction"),
        pytest.param('"budget":"5.00"', '"budget":"5e0"', id="money with an exponent"),
        pytest.param('"budget":"5.00"', '"budget":"-5.00"', id="a debt"),
        pytest.param('{\\"max_tokens\\":300', '{\\"max_tokens\\": 300', id="parameters with a blank"),
        pytest.param('"refusals_billed":false', '"refusals_billed":0', id="a number for a boolean"),
        pytest.param('"question":"topic"', '"question":"why"', id="another question"),
        pytest.param('"v":"overt-audit-plan/1"', '"v":"overt-audit-plan/2"', id="another version"),
        pytest.param('"seed":9007199254740991', '"seed":9007199254740991,"more":1', id="a member more"),
        pytest.param('"prompts":[', '"prompts":{"a":[', id="no JSON"),
    ],
)
def test_only_the_one_encoding_is_read(old: str, new: str) -> None:
    raw = encode_plan(PLAN)
    assert raw.count(old.encode()) == 1
    with pytest.raises(VerificationFailed):
        decode_plan(raw.replace(old.encode(), new.encode()))


def test_a_plan_with_a_number_that_is_none_cannot_be_encoded() -> None:
    with pytest.raises(VerificationFailed, match="nan"):
        encode_plan(replace(PLAN, alpha=float("nan")))


# --- the envelope ----------------------------------------------------------------------------------------------------


def test_a_sealed_plan_opens_with_its_key_alone() -> None:
    raw = seal_plan(PLAN, SIGNER.vkey, SIGNER.sign)
    found = open_plan(raw, SIGNER.vkey)
    assert found.plan == PLAN
    assert found.digest == plan_digest(PLAN)
    with pytest.raises(VerificationFailed, match="signatures"):
        open_plan(raw, signer_of("audit", bytes([1]) * 32).vkey)


def test_any_changed_byte_of_what_was_signed_is_caught() -> None:
    envelope = json.loads(seal_plan(PLAN, SIGNER.vkey, SIGNER.sign))
    text = envelope["payload"]
    for position in range(0, len(text) - 4, 7):
        letter = "A" if text[position] != "A" else "B"
        changed = {**envelope, "payload": text[:position] + letter + text[position + 1 :]}
        with pytest.raises(VerificationFailed):
            open_plan(json.dumps(changed).encode(), SIGNER.vkey)


def test_another_signed_document_is_no_plan() -> None:
    raw = sign_envelope("application/vnd.overt.release+json", encode_plan(PLAN), parse_vkey(SIGNER.vkey), SIGNER.sign)
    with pytest.raises(VerificationFailed, match="type"):
        open_plan(raw, SIGNER.vkey)


def test_a_folder_holds_plan_and_key_together(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="overt audit plan"):
        read_plan(tmp_path)
    signer = release_signer(tmp_path / KEY_FILE, "audit")
    (tmp_path / PLAN_FILE).write_bytes(seal_plan(PLAN, signer.vkey, signer.sign))
    (tmp_path / VKEY_FILE).write_text(signer.vkey + "\n")
    assert read_plan(tmp_path).plan == PLAN
    assert read_plan(tmp_path, signer.vkey).plan == PLAN
    with pytest.raises(VerificationFailed):
        read_plan(tmp_path, SIGNER.vkey)


# --- the TOML --------------------------------------------------------------------------------------------------------


def test_a_plan_file_becomes_a_whole_plan(tmp_path: Path) -> None:
    plan = draft_of(tmp_path, GOOD).plan
    assert (plan.question, plan.samples, plan.alpha, plan.seed, plan.margin) == (Question.CHANGE, 1, 0.05, 0, 0.05)
    assert (plan.budget, plan.currency, plan.made_at) == (Decimal(5), "USD", MADE_AT)
    assert [prompt.pid for prompt in plan.prompts[:2]] == ["target0:3:2", "control0:3:2"]
    assert len(plan.prompts) == 40
    assert plan.routes[0] == Route(
        name="direct",
        role=Role.REFERENCE,
        api=Api.ANTHROPIC,
        base_url="https://api.example.com",
        model="big-1",
        key_variable="DIRECT_KEY",
        parameters={"max_tokens": 300, "temperature": 0.7, "thinking": {"type": "disabled"}, "top_k": 40},
        price=Price(input=Decimal(3), output=Decimal("0.15"), refusals_billed=False),
        most_per_minute=50,
    )
    assert plan.routes[1].parameters == {"max_output_tokens": 200}
    assert plan.routes[1].base_url == "https://reseller.example.com"
    assert decode_plan(encode_plan(plan)) == plan


def test_most_takes_so_many_of_each_topic_and_pairs_together(tmp_path: Path) -> None:
    text = GOOD.replace("times = 2", "most = 4")
    prompts = draft_of(tmp_path, text).plan.prompts
    by_topic = {topic: {p.pair for p in prompts if p.topic == topic} for topic in ("target", "control")}
    assert len(by_topic["target"]) == 4
    assert by_topic["target"] == by_topic["control"]
    other = draft_of(tmp_path, text.replace("seed = 0", "seed = 1")).plan.prompts
    assert {p.pair for p in other} != {p.pair for p in prompts}
    assert draft_of(tmp_path, text).plan.prompts == prompts


def test_prompts_and_recordings_are_read_beside_the_plan(tmp_path: Path) -> None:
    rows = [{"pid": f"p{i}", "topic": "a" if i else "b", "prompt": "Why?"} for i in range(3)]
    (tmp_path / "prompts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    answers = [{"pid": f"p{i}", "model": "m", "rep": 0, "text": "So."} for i in range(3)]
    (tmp_path / "old.jsonl").write_text("\n".join(map(json.dumps, answers)))
    endpoint = ROUTES[ROUTES.index('[[routes]]\nname = "reseller"') :]
    text = 'question = "change"\nrecorded = "old.jsonl"\n[[prompts]]\nfile = "prompts.jsonl"\ntopic = "a"\n' + endpoint
    draft = draft_of(tmp_path, text)
    assert [prompt.pid for prompt in draft.plan.prompts] == ["p1", "p2"]
    assert draft.plan.recorded is not None
    assert len(draft.plan.recorded) == 64
    assert len(draft.recorded) == 3
    (tmp_path / "old.jsonl").write_text("\n".join(map(json.dumps, answers[:2])))
    assert "no answer to 1 of the 2 prompts, as to 'p2'" in problems_of(tmp_path, text)[0]


def test_answers_to_a_set_are_graded_by_its_checkers_unless_others_are_named(tmp_path: Path) -> None:
    def graded_by(head: str, *sets: str) -> str | None:
        path = tmp_path / "plan.toml"
        path.write_text(head + "".join(f"\n[[prompts]]\n{each}\n" for each in sets) + ROUTES)
        return read_draft(path, load, budget=Decimal(5), made_at=MADE_AT).plan.checkers

    own = tmp_path / "own.jsonl"
    own.write_text('{"pid": "p1", "topic": "a", "prompt": "Why?"}\n')
    general, bio = 'set = "general"', 'set = "bio"'
    topic = 'question = "topic"\ntopic = "bio"\ncontrol = "control_bio"'
    change = 'question = "change"'
    assert graded_by(change, general, bio) == "general"
    assert graded_by(topic, general, bio) == "bio"
    assert graded_by(f'{topic}\ncheckers = "general"', general, bio) == "general"
    assert graded_by(change, 'file = "own.jsonl"') is None


def test_a_key_of_a_table_that_stands_above_it_is_told_where_it_belongs(tmp_path: Path) -> None:
    found = problems_of(tmp_path, 'question = "change"\nset = "tens"\nmodel = "big-1"\n')
    assert any("write [[prompts]], and below it set" in problem for problem in found)
    assert any("below [[routes]]" in problem for problem in found)


def test_every_problem_is_reported_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    text = (
        'question = "topics"\nalpha = 0.5\nbudget = 5\n[[prompts]]\nset = "elevens"\n[[prompts]]\nset = "tens"\n'
        'topic = "nothing"\n[[routes]]\nname = "a b"\nrole = "judge"\napi = "chat"\nbase_url = "https://x.example/v1"\n'
        'model = "m"\napi_key = "secret"\nparameters = "[1]"\n'
    )
    found = problems_of(tmp_path, text)
    assert [problem.partition(":")[0] for problem in found] == [
        "line 1", "line 2", "line 3", "line 5", "line 8", "line 10", "line 11", "line 13", "line 15", "line 16",
    ]  # fmt: skip
    assert "--budget" in found[2]
    assert "secret" not in "".join(found).replace("no secret stands", "")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param('role = "reference"', 'role = "endpoint"', "no reference to compare with", id="no reference"),
        pytest.param('role = "endpoint"', 'role = "reference"', "none of them is an endpoint", id="no endpoint"),
        pytest.param('name = "reseller"', 'name = "direct"', "already the name", id="one name twice"),
        pytest.param('"top_k": 40', '"max_tokens": 40', "beside its own key", id="a limit twice"),
        pytest.param('"top_k": 40', '"stream": true', "'stream'", id="a stream"),
        pytest.param('"top_k": 40', '"top_k": NaN', "not JSON", id="no JSON"),
        pytest.param('question = "change"', 'question = "topic"', "topic: it is missing", id="no topic"),
        pytest.param('question = "change"', 'question = "change"\ntopic = "target"', "not about a topic", id="a topic"),
        pytest.param(
            'question = "change"', 'question = "topic"\ntopic = "x"\ncontrol = "control"', "no prompt has", id="no such"
        ),
        pytest.param(
            'question = "change"',
            'question = "topic"\ntopic = "target"\ncontrol = "target"',
            "it is the topic itself",
            id="its own control",
        ),
        pytest.param('question = "change"', 'question = "change"\ncheckers = "x"', "no set that", id="checkers"),
        pytest.param('question = "change"', 'question = "change"\nrecorded = "no.jsonl"', "no.jsonl", id="none"),
        pytest.param('set = "tens"', 'set = "tens"\nfile = "a.jsonl"', "both are given", id="set and file"),
        pytest.param("seed = 3\n", 'seed = 3\n[[prompts]]\nset = "tens"\nseed = 3\n', "there already", id="pids twice"),
    ],
)  # fmt: skip
def test_what_makes_no_plan_is_said_with_its_remedy(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    found = problems_of(tmp_path, GOOD.replace(old, new, 1).replace("wording = 2\ntimes = 2", ""))
    assert any(said in problem for problem in found), found
    assert all("(" in problem for problem in found)


def test_a_file_that_is_no_toml_or_not_there_is_an_error(tmp_path: Path) -> None:
    assert "not TOML" in problems_of(tmp_path, "question = ")[0]
    with pytest.raises(BadRequest, match="nowhere"):
        read_draft(tmp_path / "nowhere.toml", no_set, budget=Decimal(0), made_at=MADE_AT)


def test_the_example_of_the_documentation_is_a_plan(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "audit" / "planning.md"
    example = page.read_text("utf-8").split("```toml\n")[1].split("```")[0]
    names = [source["set"] for source in tomllib.loads(example)["prompts"]]
    draft = draft_of(tmp_path, example.replace(f'"{names[0]}"', '"tens"'))
    assert len(draft.plan.prompts) == 20
