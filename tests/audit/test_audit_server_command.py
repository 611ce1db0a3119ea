"""The command of the endpoint to audit: its options, the prompts that it knows, and their solutions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import pytest

from overt.audit.prompts.checkers import grade
from overt.audit.prompts.reference import Choice, Fields, Line, Number, Reference, Row, Word
from overt.audit.prompts.sets import names
from overt.audit.rows import Prompt
from overt.errors import BadRequest
from overt.testing.audited_options import options
from overt.testing.audited_prompts import of_file, of_set
from overt.testing.audited_solver import solver_of_answers, solver_of_references
from overt.testing.language_models import Asked


def prompts_file(folder: Path) -> Path:
    """Twenty prompts on two topics with answers."""
    path = folder / "prompts.jsonl"
    rows = [
        {"pid": f"p{n}", "topic": "chem" if n % 2 else "cooking", "prompt": f"What is {n} + {n}?", "answer": 2 * n}
        for n in range(20)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_command_line_describes_a_fault_on_a_topic(tmp_path: Path) -> None:
    words = (
        f"--fault topic --topic chem --q 0.5 --right 1 --other-right 0 --agreement 0 --prompts {prompts_file(tmp_path)}"
    )
    endpoint = options(words.split()).endpoint
    spoken = [[endpoint.answer(Asked(prompt=f"What is {n} + {n}?", call=c)) for c in range(40)] for n in range(20)]
    right = np.array([[said.right for said in row] for row in spoken], dtype=float)
    assert right[::2].mean() == 1
    assert right[1::2].mean() == pytest.approx(0.5, abs=0.08)
    assert spoken[4][0].text.endswith("\nAnswer: 8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--fault topic", "needs --topic"),
        ("--q 1.5", "from 0 to 1"),
        ("--topic bio --prompts PROMPTS", "the topics are chem, cooking"),
        ("--topic cooking", "no known prompt is about 'cooking'"),
        ("--prompts missing.jsonl", "missing.jsonl"),
    ],
)
def test_a_contradictory_command_line_says_what_is_missing(
    words: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        options(words.replace("PROMPTS", str(prompts_file(tmp_path))).split())
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


REFERENCES: dict[str, Reference] = {
    "a whole number": Number(value=42, places=0),
    "zero": Number(value=0, places=0),
    "a large number": Number(value=1.6e14, places=0),
    "a decimal": Number(value=0.05, places=2),
    "a word": Word(accepted=("tokenizer", "tokeniser")),
    "another word": Word(accepted=("gradient",)),
    "yes": Word(accepted=("yes",)),
    "no": Word(accepted=("no",)),
    "a letter": Choice(letter="B", options=("one", "two", "three", "four")),
    "a line": Line(text="3 5 a"),
    "a list": Row(members=("red", "green", "blue")),
    "an object": Fields(members=(("name", "x"), ("count", 3.0))),
}


def test_solutions_are_right_and_wrong_to_the_checker_of_their_prompt() -> None:
    known = [(Prompt(pid=name, topic="t", text=f"Give {name}."), each) for name, each in REFERENCES.items()]
    solver = solver_of_references(known)
    for prompt, reference in known:
        solution = solver(prompt.text)
        assert solution is not None
        assert grade(reference, "Words come first.\n" + solution.right).score == 1.0, prompt.pid
        assert {grade(reference, "Words come first.\n" + wrong).score for wrong in solution.wrong} == {0.0}, prompt.pid
    assert solver("Something else.") is None


def test_a_prompt_that_can_only_be_answered_right_is_refused() -> None:
    prompt = Prompt(pid="p1", topic="t", text="Say it.")
    with pytest.raises(BadRequest, match="'p1'"):
        solver_of_references([(prompt, Word(accepted=("it",)))])
    with pytest.raises(BadRequest, match="'p1'"):
        solver_of_answers([(prompt, "it")])


@pytest.mark.parametrize("name", names())
def test_every_prompt_of_a_shipped_set_has_a_solution_and_a_topic(name: str) -> None:
    prompts, solver = of_set(name)
    solutions = [solver(prompt.text) for prompt in prompts]
    assert all(solution is not None and solution.wrong for solution in solutions)
    strikes = options(["--set", name, "--topic", prompts[0].topic, "--fault", "topic"]).endpoint.faults.topic
    assert strikes is not None
    assert [strikes(prompt.text) for prompt in prompts] == [prompt.topic == prompts[0].topic for prompt in prompts]


def test_a_topic_that_names_a_shipped_set_needs_no_other_option() -> None:
    prompts, _ = of_set("chem")
    endpoint = options(["--fault", "topic", "--topic", "chem", "--q", "1"]).endpoint
    swapped = {prompt.topic: endpoint.answer(Asked(prompt=prompt.text)).swapped for prompt in prompts}
    assert swapped == {"chem": True, "control_chem": False}


def test_without_options_every_shipped_prompt_is_solved_whatever_the_fault() -> None:
    prompts = [prompt for name in names() for prompt in of_set(name)[0]]
    for words in ([], ["--fault", "topic", "--topic", "bio"]):
        endpoint = options(words).endpoint
        assert all(endpoint.answer(Asked(prompt=prompt.text)).right is not None for prompt in prompts)


def test_another_draw_gives_other_answers_of_the_same_model() -> None:
    first, second = (options(["--draw", draw]).endpoint for draw in ("1", "2"))
    assert first.serves == second.serves
    assert first.answer(Asked(prompt="Why?")).text != second.answer(Asked(prompt="Why?")).text


def test_a_shipped_sets_prompts_in_a_file_are_solved_by_their_own_references(tmp_path: Path) -> None:
    prompts, solver = of_set("bio:3:1")
    path = tmp_path / "prompts.jsonl"
    rows = [{"pid": each.pid, "topic": each.topic, "prompt": each.text} for each in prompts[:6]]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found, from_file = of_file(path)
    assert [each.text for each in found] == [each.text for each in prompts[:6]]
    for each in found:
        ours, theirs = solver(each.text), from_file(each.text)
        assert ours is not None
        assert theirs is not None
        assert ours.right == theirs.right


@pytest.mark.parametrize("name", ["nonesuch", "bio:x", "bio:1:2:3", "bio:0:99"])
def test_a_set_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(BadRequest):
        of_set(name)


def test_the_command_serves_until_it_is_interrupted() -> None:
    command = [sys.executable, "-m", "overt.testing.audited", "--fault", "swap", "--q", "1", "--model", "big-9"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        wanted = {"model": "big-9", "messages": [{"role": "user", "content": "Why?"}]}
        asked = Request(f"{ready['url']}/v1/chat/completions", json.dumps(wanted).encode())
        with urlopen(asked, timeout=10) as reply:
            answered = json.load(reply)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert (ready["ready"], ready["model"]) == (True, "big-9")
    assert answered["model"] == "big-9"
    assert len(answered["choices"][0]["message"]["content"].split()) == 60
