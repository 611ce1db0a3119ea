"""The prompts that a simulated endpoint knows: which topic each is about, and what its right answer is.

From the sets that are shipped, and from files of JSON lines with ``pid``, ``topic``, ``prompt`` and, where known,
``answer``. A prompt whose pid is one of ours is solved by its own reference.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from overt.audit.prompts.sets import items, references_of
from overt.audit.rows import Prompt, json_lines, read_prompts
from overt.errors import BadRequest
from overt.testing.audited_solver import solver_of_answers, solver_of_items, solver_of_references
from overt.testing.language_models import Solution, Solver

Known = tuple[tuple[Prompt, ...], Solver]


def of_set(name: str) -> Known:
    """A shipped set, named ``NAME``, ``NAME:SEED`` or ``NAME:SEED:WORDING``; both numbers are 0 where not given."""
    set_name, *numbers = name.split(":")
    if len(numbers) > 2 or not all(number.isdecimal() for number in numbers):
        raise BadRequest(f"expected NAME, NAME:SEED or NAME:SEED:WORDING, found {name!r}")
    seed, wording = (*(int(number) for number in numbers), 0, 0)[:2]
    made = items(set_name, seed=seed, wording=wording)
    return tuple(item.prompt for item in made), solver_of_items(made)


def of_file(path: Path) -> Known:
    """The prompts of a file."""
    prompts = read_prompts(path)
    references = references_of(prompt.pid for prompt in prompts)
    answers = {str(row["pid"]): str(row["answer"]) for _, row in json_lines(path) if row.get("answer") is not None}
    ours = solver_of_references([(each, references[each.pid]) for each in prompts if each.pid in references])
    theirs = solver_of_answers(
        [(each, answers[each.pid]) for each in prompts if each.pid in answers and each.pid not in references]
    )
    return prompts, first_of((ours, theirs))


def first_of(solvers: Iterable[Solver]) -> Solver:
    """Solves what any of them solves."""
    asked = tuple(solvers)

    def solve(prompt: str) -> Solution | None:
        return next((found for solver in asked if (found := solver(prompt)) is not None), None)

    return solve
