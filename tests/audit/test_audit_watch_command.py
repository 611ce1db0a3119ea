"""`overt audit watch`: verdict and exit status, a past that may not change, and a message when something changed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from overt.cli.audit import command
from overt.errors import BadRequest, OperatorError

Row = dict[str, Any]
WATCH = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from overt.cli.audit import command; command()"
)
"""Where the tests themselves run in the background, a child would ignore the interrupt."""


def run(*arguments: object) -> Result:
    """The command with these arguments; our own errors are raised."""
    return CliRunner().invoke(command, ["watch", *map(str, arguments)], catch_exceptions=False)


def read(*arguments: object) -> Row:
    """Its JSON."""
    found: Row = json.loads(run(*arguments, "--json").stdout)
    return found


def day(number: int, *, changed: bool = False, prompts: int = 8, model: str = "m", reps: int = 4) -> list[Row]:
    """The rows of one day: each prompt a few times, answered by one of two words, by another two once changed."""
    rng = np.random.default_rng([11, number, len(model)])
    words = ("north", "south") if changed else ("yes", "no")
    return [
        {
            "pid": f"p{prompt}",
            "model": model,
            "rep": rep,
            "text": words[int(rng.random() < 0.3)],
            "date": f"2026-03-{number + 1:02}T08:00:00Z",
        }
        for prompt in range(prompts)
        for rep in range(reps)
    ]


def days(first: int, last: int, change: int = 99, **rest: Any) -> list[Row]:
    return [row for number in range(first, last) for row in day(number, changed=number >= change, **rest)]


def write(path: Path, rows: list[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def pairs(count: int, *, changed: bool = False) -> tuple[list[Row], list[Row]]:
    """Fresh prompts on one day each: the reference's answers and the endpoint's."""
    rng = np.random.default_rng(4)

    def said(mark: bool) -> str:
        words = " ".join(rng.choice(("sun", "sea", "salt", "stone", "wind", "moss"), 8))
        return f"- **{words}**!" if mark else f"The answer is {words}."

    first, second = [], []
    for number in range(count):
        row = {"pid": f"q{number}", "rep": 0, "date": f"2026-03-{1 + number // 4:02}T08:00:00Z"}
        first.append({**row, "model": "r", "text": said(False)})
        second.append({**row, "model": "m", "text": said(changed)})
    return first, second


# --- verdicts --------------------------------------------------------------------------------------------------------


def test_an_unchanged_endpoint_is_no_finding(tmp_path: Path) -> None:
    path = write(tmp_path / "e.jsonl", days(0, 20))
    assert run("--endpoint", path).exit_code == 0
    assert "No change detected since 2026-03-04." in run("--endpoint", path).stdout
    found = read("--endpoint", path)
    assert (found["verdict"], found["alarm_at"]) == ("no change detected", None)
    assert found["e_max"] < 20


def test_a_change_is_a_finding_on_its_day_or_soon_after(tmp_path: Path) -> None:
    path = write(tmp_path / "e.jsonl", days(0, 20, 14))
    result = run("--endpoint", path, "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["verdict"]) == (1, "changed")
    assert "2026-03-15" <= found["alarm_at"] <= "2026-03-18"
    assert found["e_max"] >= 20


def test_rows_in_any_order_are_watched_in_the_order_of_their_days(tmp_path: Path) -> None:
    rows = days(0, 20, 14)
    mixed = [*rows[300:], *rows[:300]]
    there = read("--endpoint", write(tmp_path / "a.jsonl", rows))
    assert read("--endpoint", write(tmp_path / "b.jsonl", mixed)) == there


def test_pairs_are_watched_where_prompts_do_not_repeat(tmp_path: Path) -> None:
    first, second = pairs(60, changed=True)
    found = read("--reference", write(tmp_path / "r", first), "--endpoint", write(tmp_path / "e", second))
    assert found["streams"][0]["unit"] == "pairs"
    assert found["verdict"] == "changed"


def test_two_models_are_two_streams_and_the_alarm_needs_twice_as_much(tmp_path: Path) -> None:
    rows = [*days(0, 20, 14), *days(0, 20, model="other")]
    path = write(tmp_path / "e.jsonl", rows)
    found = read("--endpoint", path)
    by_model = {each["model"]: each for each in found["streams"]}
    assert {model: each["verdict"] for model, each in by_model.items()} == {
        "m": "changed",
        "other": "no change detected",
    }
    assert by_model["m"]["alarm_level"] == 40
    assert found["e_max"] == pytest.approx(by_model["m"]["e_max"] / 2)
    assert read("--endpoint", path, "--model-endpoint", "other")["verdict"] == "no change detected"


def test_what_alarms_alone_may_be_too_little_among_two(tmp_path: Path) -> None:
    rows = days(0, 16, 14)
    alone = read("--endpoint", write(tmp_path / "a.jsonl", rows))
    assert 20 <= alone["e_max"] < 40
    both = read("--endpoint", write(tmp_path / "b.jsonl", [*rows, *days(0, 16, model="other")]))
    assert {both["verdict"], *(each["verdict"] for each in both["streams"])} == {"no change detected"}
    assert both["e_max"] == pytest.approx(alone["e_max"] / 2)
    assert both["alarm_at"] is None


def test_too_little_is_cannot_tell(tmp_path: Path) -> None:
    result = run("--endpoint", write(tmp_path / "e.jsonl", days(0, 5)))
    assert result.exit_code == 0
    assert result.stdout.startswith("Cannot tell yet.")


# --- the state -------------------------------------------------------------------------------------------------------


def test_looking_every_day_says_what_one_look_at_the_end_says(tmp_path: Path) -> None:
    path, state = tmp_path / "e.jsonl", tmp_path / "state"
    alarms, largest = [], 0.0
    for number in range(1, 19):
        write(path, days(0, number, 13))
        found = read("--endpoint", path, "--state", state)
        alarms.append(found["alarm_at"])
        assert found["e_max"] >= largest
        largest = found["e_max"]
    once = read("--endpoint", path)
    assert alarms[12] is None
    assert alarms[-1] == once["alarm_at"]
    assert largest == pytest.approx(once["e_max"])
    assert run("--endpoint", path, "--state", state).exit_code == 1


def test_rows_that_come_late_for_a_judged_day_count_for_nothing(tmp_path: Path) -> None:
    path, state = tmp_path / "e.jsonl", tmp_path / "state"
    read("--endpoint", write(path, days(0, 15)), "--state", state)
    late = day(14, changed=True, reps=6)
    found = read("--endpoint", write(path, [*days(0, 15), *late, *days(15, 18)]), "--state", state)
    assert found["warnings"] == ["48 rows are left out: they came for days that were judged, or without a pair"]
    assert found["e_max"] == pytest.approx(read("--endpoint", write(tmp_path / "o", days(0, 18)))["e_max"])
    again = read("--endpoint", path, "--state", state)
    assert again == found


def test_nothing_is_bet_on_the_first_day_of_a_watch_that_goes_on(tmp_path: Path) -> None:
    first, second = pairs(12, changed=True)
    one_day = [{**row, "date": "2026-03-01"} for row in second]
    reference, path = write(tmp_path / "r", first), write(tmp_path / "e", one_day)
    found = read("--reference", reference, "--endpoint", path, "--state", tmp_path / "s")
    assert (found["verdict"], found["e_max"]) == ("cannot tell", 1.0)
    more = [*one_day, *({**row, "date": "2026-03-02"} for row in one_day)]
    again = read("--reference", reference, "--endpoint", write(path, more), "--state", tmp_path / "s")
    assert again["streams"][0]["unit"] == "days"


def test_a_pair_whose_reference_comes_later_stays_out_of_the_past(tmp_path: Path) -> None:
    first, second = pairs(40)
    state, endpoint, reference = tmp_path / "s", tmp_path / "e", tmp_path / "r"
    write(endpoint, second[:30])
    before = read("--reference", write(reference, first[:25]), "--endpoint", endpoint, "--state", state)
    write(endpoint, second)
    after = read("--reference", write(reference, first), "--endpoint", endpoint, "--state", state)
    assert before["streams"][0]["looks"] == 25
    assert after["streams"][0]["looks"] == 35
    assert json.loads(state.read_text())["left_out"] == [25, 26, 27, 28, 29]


def test_a_reference_that_grows_does_not_move_the_days(tmp_path: Path) -> None:
    state, endpoint, reference = tmp_path / "s", tmp_path / "e", tmp_path / "r"
    write(reference, days(0, 2))
    before = read("--reference", reference, "--endpoint", write(endpoint, days(2, 16)), "--state", state)
    write(reference, [*days(0, 2), *days(2, 5, 0)])
    after = read("--reference", reference, "--endpoint", endpoint, "--state", state)
    assert after["e_max"] == before["e_max"]
    assert "the reference grew by 96 rows" in after["warnings"][0]


def changed_row(rows: list[Row]) -> list[Row]:
    return [{**rows[0], "text": "maybe"}, *rows[1:]]


@pytest.mark.parametrize(
    ("now", "extra", "said"),
    [
        (changed_row, (), r"one of the first 480 rows of the endpoint is not what it was"),
        (lambda rows: rows[:-1], (), r"the endpoint had 480 rows and has 479 now"),
        (lambda rows: [*rows, *day(15, model="new")], (), r"models \['new'\] are new"),
        (lambda rows: rows, ("--alpha", "0.1"), r"begun with alpha 0\.05, not 0\.1"),
    ],
    ids=["changed", "fewer", "another model", "another alpha"],
)
def test_a_state_of_other_input_is_refused(now: Any, extra: tuple[str, ...], said: str, tmp_path: Path) -> None:
    path, state = tmp_path / "e.jsonl", tmp_path / "state"
    read("--endpoint", write(path, days(0, 15)), "--state", state)
    kept = state.read_bytes()
    write(path, now(days(0, 15)))
    with pytest.raises(BadRequest, match=rf"made of other input: .*{said}.*begin a new one"):
        run("--endpoint", path, "--state", state, *extra)
    assert state.read_bytes() == kept


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "has format 2, this release writes 1"),
        ({"what": "something else"}, "is no state of 'overt audit watch'"),
        ({"streams": {"m": {"unit": "weeks"}}}, "was changed by hand"),
    ],
    ids=["format", "other file", "by hand"],
)
def test_a_state_that_is_not_ours_is_refused(change: Row, said: str, tmp_path: Path) -> None:
    path, state = write(tmp_path / "e.jsonl", days(0, 8)), tmp_path / "state"
    read("--endpoint", path, "--state", state)
    state.write_text(json.dumps({**json.loads(state.read_text()), **change}))
    with pytest.raises(BadRequest, match=said):
        run("--endpoint", path, "--state", state)


def test_a_smaller_e_max_for_the_same_rows_is_refused(tmp_path: Path) -> None:
    path, state = write(tmp_path / "e.jsonl", days(0, 12)), tmp_path / "state"
    read("--endpoint", path, "--state", state)
    found = json.loads(state.read_text())
    found["streams"]["m"]["e_max"] = 7.0
    state.write_text(json.dumps(found))
    with pytest.raises(BadRequest, match="gave e_max 7 before"):
        run("--endpoint", path, "--state", state)


# --- again and again, and who is told --------------------------------------------------------------------------------


def test_it_looks_again_and_goes_on_past_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = write(tmp_path / "e.jsonl", days(0, 20, 14))
    result = run("--endpoint", path, "--every", "0.01", "--rounds", "3", "--json")
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 3
    with pytest.raises(OperatorError, match="the last of 2 looks failed"):
        run("--endpoint", tmp_path / "none", "--every", "0.01", "--rounds", "2")
    assert run("--endpoint", path, "--rounds", "2").exit_code == 2


def test_an_interrupted_watch_says_so_and_ends_as_its_last_look(tmp_path: Path) -> None:
    path = write(tmp_path / "e.jsonl", days(0, 18, 14))
    asked = ("watch", "--endpoint", str(path), "--every", "60", "--json")
    with subprocess.Popen(
        [sys.executable, "-c", WATCH, *asked], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["verdict"] == "changed"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "interrupted; what was seen is kept" in said


@dataclass
class Site:
    """A server on this machine that answers with ``status`` and remembers what was posted."""

    status: int = 204
    url: str = ""
    posted: list[Row] = field(default_factory=list)


@contextmanager
def site(status: int = 204) -> Iterator[Site]:
    found = Site(status=status)

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.posted.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(found.status)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Takes) as server:
        found.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def test_a_change_is_told_once_and_only_when_there_is_one(tmp_path: Path) -> None:
    path, state = tmp_path / "e.jsonl", tmp_path / "state"
    with site() as hook:
        for last, status in ((13, 0), (18, 1), (19, 1)):
            result = run("--endpoint", write(path, days(0, last, 14)), "--state", state, "--webhook", hook.url)
            assert (result.exit_code, result.stderr) == (status, "")
    (message,) = hook.posted
    assert (message["verdict"], message["new"]) == ("changed", ["e-process of m"])
    assert message["headline"].startswith("Change detected on 2026-03-1")


@pytest.mark.parametrize("status", [500, 302], ids=["fails", "redirects"])
def test_a_message_that_does_not_arrive_is_said_and_sent_again(status: int, tmp_path: Path) -> None:
    path, state = write(tmp_path / "e.jsonl", days(0, 18, 14)), tmp_path / "state"
    with site(status) as hook:
        result = run("--endpoint", path, "--state", state, "--webhook", hook.url)
        assert result.exit_code == 1
        assert f"the webhook was not told: it answered with HTTP {status}" in result.stderr
        hook.status = 200
        assert run("--endpoint", path, "--state", state, "--webhook", hook.url).stderr == ""
        assert run("--endpoint", path, "--state", state, "--webhook", hook.url).exit_code == 1
    assert len(hook.posted) == 2


def test_a_webhook_that_is_not_there_does_not_hide_the_change(tmp_path: Path) -> None:
    path = write(tmp_path / "e.jsonl", days(0, 18, 14))
    result = run("--endpoint", path, "--webhook", "http://127.0.0.1:9/")
    assert result.exit_code == 1
    assert "the webhook was not told" in result.stderr
    with pytest.raises(BadRequest, match="'ftp://x/' is no address"):
        run("--endpoint", path, "--webhook", "ftp://x/")
