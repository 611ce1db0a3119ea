"""The command line of `overt.testing.audited`: words that become a simulated endpoint with one fault."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, final

from overt.audit.prompts.sets import names
from overt.audit.rows import Prompt
from overt.errors import BadRequest, OvertError
from overt.testing.audited_prompts import first_of, of_file, of_set
from overt.testing.audited_shapes import Fingerprint, Tells
from overt.testing.audited_trouble import Trouble
from overt.testing.language_models import (
    Days,
    Faults,
    LanguageModel,
    SimulatedEndpoint,
    SimulatedModel,
    Skill,
    Solver,
    about,
    degraded,
    on_topic,
    swap,
)

DESCRIPTION: Final = """\
Serves a simulated model in the shapes of Anthropic Messages (/v1/messages), OpenAI chat completions
(/v1/chat/completions) and OpenAI Responses (/v1/responses), honestly or with one fault, and prints one line of JSON
{"ready": true, "url": ..., "model": ...} when it accepts requests. Ends on an interrupt. Its answers are words without
sense, and right or wrong as --right says for prompts whose answer it knows: those of --set and --prompts, without
both those of every shipped set."""
EXAMPLES: Final = """\
examples:
  honest:    python -m overt.testing.audited --port 8321
  the same model again, with other answers (a reference): add --draw 2
  covert:    python -m overt.testing.audited --fault swap --q 0.2
  one topic: python -m overt.testing.audited --fault topic --topic frontier_llm --q 0.5"""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for."""

    endpoint: SimulatedEndpoint
    trouble: Trouble
    tells: Tells
    key: str | None
    day: int
    port: int


def options(arguments: list[str]) -> Options:
    """Parse; ends the process with 2 and a usage line where the words make no sense, as argparse does."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        return _built(given)
    except OvertError as wrong:
        parser.error(str(wrong))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m overt.testing.audited",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 picks a free one (default)")
    parser.add_argument("--key", help="answer only callers who show this key (x-api-key or bearer)")
    parser.add_argument("--seed", type=int, default=1, help="another seed gives other models (default 1)")
    parser.add_argument(
        "--draw", type=int, default=1, help="another draw gives other answers of the same models (default 1)"
    )
    _add_fault(parser.add_argument_group("the fault"))
    _add_models(parser.add_argument_group("the models"))
    _add_tells(parser.add_argument_group("what it says about itself"))
    _add_trouble(parser.add_argument_group("trouble on the way"))
    return parser


def _add_fault(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--fault",
        choices=("honest", "swap", "topic", "everywhere"),
        default="honest",
        help="swap: another model answers a share of all calls; topic: a share of the calls about --topic; "
        "everywhere: another model answers everything (default: honest)",
    )
    group.add_argument("--q", type=_share, default=1.0, help="the share of calls, 0 to 1 (default 1)")
    group.add_argument(
        "--topic", help="the topic that --fault topic strikes: one of --set or --prompts, else of a shipped set"
    )
    group.add_argument(
        "--set",
        dest="sets",
        action="append",
        default=[],
        metavar="NAME[:SEED[:WORDING]]",
        help="know the prompts of this shipped set, their topics and solutions; may be given again",
    )
    group.add_argument(
        "--prompts", type=Path, help="JSON lines with pid, topic, prompt and, where known, answer: know these prompts"
    )
    group.add_argument("--declared", action="store_true", help="say where the other model answered, as fallbacks do")
    group.add_argument("--refuses", type=_share, default=0.0, help="refuse this share of the calls (about --topic)")
    group.add_argument("--since", type=int, default=0, help="the day on which the fault begins (default 0)")
    group.add_argument("--day", type=int, default=0, help="the day that is served (default 0)")


def _add_models(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--model", default="simulated-large", help="name of the model (default simulated-large)")
    group.add_argument(
        "--other",
        choices=("another", "quantised", "watermarked", "warmer", "prompted"),
        default="another",
        help="what answers instead: another model, or the same one altered (default another)",
    )
    group.add_argument("--right", type=_share, default=0.85, help="share of right answers of the model (default 0.85)")
    group.add_argument("--other-right", type=_share, default=0.45, help="the same of the other one (default 0.45)")
    group.add_argument("--agreement", type=_share, default=0.3, help="share of prompts always right or wrong (0.3)")
    group.add_argument("--rho", type=_share, default=0.0, help="overdispersion of skill between days (default 0)")
    group.add_argument("--drift", type=float, default=0.0, help="noise in the logits that changes daily (default 0)")


def _add_tells(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--truthful", action="store_true", help="give the name of the model that answered")
    group.add_argument("--conceals", action="store_true", help="do not count a hidden instruction in the input tokens")
    group.add_argument("--fingerprint", choices=[each.value for each in Fingerprint], default="none")


def _add_trouble(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--limited", type=_share, default=0.0, help="share of requests answered with 429")
    group.add_argument("--broken", type=_share, default=0.0, help="share of requests answered with 500")
    group.add_argument("--cut", type=_share, default=0.0, help="share of answers whose connection breaks off")
    group.add_argument("--latency", type=float, default=0.0, help="seconds that every answer takes (default 0)")


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, found {text!r}")
    return value


def _built(given: argparse.Namespace) -> Options:
    prompts, solver = _known(given)
    model, other = _models(given)
    endpoint = SimulatedEndpoint(
        serves=model,
        seed=given.draw,
        faults=_faults(given, other, prompts),
        days=Days(rho=given.rho, drift=given.drift),
        solver=solver,
    )
    return Options(
        endpoint=endpoint,
        trouble=Trouble(limited=given.limited, broken=given.broken, cut=given.cut, latency_s=given.latency),
        tells=Tells(truthful=given.truthful, conceals=given.conceals, fingerprint=Fingerprint(given.fingerprint)),
        key=given.key,
        day=given.day,
        port=given.port,
    )


def _known(given: argparse.Namespace) -> tuple[tuple[Prompt, ...], Solver]:
    """Without any choice all shipped prompts: two servers then solve the same ones, whatever their faults."""
    sets = given.sets or (names() if given.prompts is None else ())
    known = [*map(of_set, sets), *([] if given.prompts is None else [of_file(given.prompts)])]
    prompts = tuple(prompt for found, _ in known for prompt in found)
    return prompts, first_of(solver for _, solver in known)


def _models(given: argparse.Namespace) -> tuple[SimulatedModel, SimulatedModel]:
    words = LanguageModel(seed=given.seed)
    altered = {
        "another": replace(words, seed=given.seed + 1),
        "quantised": replace(words, noise=0.4),
        "watermarked": replace(words, watermark=1.0),
        "warmer": replace(words, temperature=1.2),
        "prompted": replace(words, hidden="Answer briefly and plainly.", pull=0.5, least=20, most=30),
    }
    return (
        SimulatedModel(
            name=given.model, words=words, skill=Skill(right=given.right, agreement=given.agreement), explains=True
        ),
        SimulatedModel(
            name=f"{given.model}-{given.other}",
            words=altered[given.other],
            skill=Skill(right=given.other_right, agreement=given.agreement),
            explains=True,
        ),
    )


def _faults(given: argparse.Namespace, other: SimulatedModel, prompts: tuple[Prompt, ...]) -> Faults:
    topic = _topic(given, prompts)
    match given.fault:
        case "swap":
            faults = swap(other, given.q)
        case "topic":
            if topic is None:
                raise BadRequest(
                    "--fault topic needs --topic: the name of a shipped set, or a topic of --set or --prompts"
                )
            faults = on_topic(other, given.q, topic)
        case "everywhere":
            faults = degraded(other)
        case _:
            faults = Faults()
    return replace(faults, declared=given.declared, refuses=given.refuses, refuses_about=topic, since=given.since)


def _topic(given: argparse.Namespace, prompts: tuple[Prompt, ...]) -> Callable[[str], bool] | None:
    if given.topic is None:
        return None
    known = sorted({prompt.topic for prompt in prompts})
    if given.topic not in known:
        raise BadRequest(
            f"no known prompt is about {given.topic!r}: name others with --set or --prompts; the topics are "
            f"{', '.join(known)}"
        )
    return about(prompts, given.topic)
