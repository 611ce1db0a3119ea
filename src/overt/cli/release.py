"""``overt release``: the life of a classifier release, from its gates to its rollback (`docs/releases.md`)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

import click

from overt.classify.release import MANIFEST, read_release, shipped
from overt.cli.release_shown import (
    RESTART,
    activation_object,
    flips_object,
    flips_table,
    gate_rows,
    gate_table,
    history,
    named,
    pointer_object,
    told,
)
from overt.cli.settings_file import NoSecrets, read_settings
from overt.cli.steps import checked_key, show
from overt.core.finding import Release
from overt.errors import BadRelease, OperatorError, VerificationFailed
from overt.gateway.activate import Candidate, Home, activate, roll_back
from overt.gateway.compose import SystemClock
from overt.gateway.places import SHADOW_FILE
from overt.gateway.pointer import Activation, Pointer
from overt.gateway.releases import EVALUATION, check_signature, folder_of, read_active, read_pointer, sign_release
from overt.learn.flips import Flips, Tally
from overt.learn.gates import BOUND, Figures, Gate, failed, gates, parse_evaluation
from overt.log.keys import release_signer
from overt.proof.verify import Found, Mark, holds, run
from overt.store.comparisons import open_comparisons

PAGE: Final = 5_000
STEPS: Final = ("files", "signature")
FILE = click.Path(dir_okay=False, exists=True, path_type=Path)
FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)
Wrapped = TypeVar("Wrapped", bound=Callable[..., object])

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
_CONFIG = click.option("--config", type=click.Path(dir_okay=False), help="The gateway's configuration file (TOML).")
_DATA = click.option("--data", type=click.Path(file_okay=False), help="The gateway's data folder, if not the file's.")
_EVALUATION = click.option("--evaluation", type=FILE, help="What was measured; DIR/evaluation.json otherwise.")
_BOUND = click.option(
    "--bound",
    type=click.FloatRange(0, 1, min_open=True),
    default=BOUND,
    show_default=True,
    help="The promised share of harmless general requests that a domain acts on.",
)


def _of_gateway(function: Wrapped) -> Wrapped:
    """The options that say which gateway is meant."""
    return _CONFIG(_DATA(function))


@click.group("release")
def command() -> None:
    """The life of a classifier release: checked, signed, logged, put to use, taken back.

    No command touches a gateway that runs. It reads which release to use when it starts.
    """


@command.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@_EVALUATION
@click.option("--against", type=FILE, help="The evaluation of the release in use, to be compared with.")
@_BOUND
@_JSON
def check(folder: Path, evaluation: Path | None, against: Path | None, bound: float, as_json: bool) -> None:
    """Hold the release in DIR against the gates. Exit 1 if one fails, 2 if the release or a file cannot be read."""
    release = read_release(folder).model.release
    found = gates(release.digest, _figures(evaluation or folder / EVALUATION), _figures(against), bound=bound)
    if as_json:
        _print({**_head(release), "ok": not failed(found), "gates": gate_rows(found)})
    else:
        click.echo(f"{release.name} {release.version} ({release.digest})\n{gate_table(found)}")
        if against is None:
            click.echo("Compared with no other release: give --against FILE.")
    if failed(found):
        raise SystemExit(1)


@command.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--key", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file of the key.")
@click.option("--name", default="overt-release", show_default=True, help="What a key that is made is called.")
def sign(folder: Path, key: Path, name: str) -> None:
    """Sign the manifest of the release in DIR, and print the key to verify it with.

    The manifest holds the digest of every other file. The key is made where there is none; keep it off the gateway.
    """
    signer = release_signer(key, name)
    sign_release(folder, signer)
    click.echo(signer.vkey)


@command.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--vkey", required=True, callback=checked_key, help="The verifier key, from a source you trust.")
@_JSON
def verify(folder: Path, vkey: str, as_json: bool) -> None:
    """Verify every file of the release in DIR and its signature. Exit 1 if one does not hold."""
    steps = run(STEPS, _verified(folder, vkey))
    show(steps, as_json=as_json, verdict="Verified.", more={"vkey": vkey})
    if not holds(steps):
        raise SystemExit(1)


def _verified(folder: Path, vkey: str) -> Iterator[Found]:
    try:
        release = read_release(folder).model.release
    except BadRelease as error:
        raise VerificationFailed("files", str(error)) from error
    yield Mark.HOLDS, f"{release.name} {release.version}: each is the one that {MANIFEST} names"
    check_signature(folder, vkey)
    yield Mark.HOLDS, f"{release.digest} is signed by {vkey}"


@command.command("activate")
@click.argument("folder", metavar="DIR", type=FOLDER)
@_of_gateway
@_EVALUATION
@click.option("--against", type=FILE, help="The evaluation of the release in use; the one that was kept otherwise.")
@_BOUND
@click.option("--vkey", callback=checked_key, help="Refuse a release that this key did not sign.")
@click.option("--despite", metavar="REASON", help="Use it although a gate fails; the reason is recorded.")
@_JSON
def activate_command(
    folder: Path,
    config: str | None,
    data: str | None,
    evaluation: Path | None,
    against: Path | None,
    bound: float,
    vkey: str | None,
    despite: str | None,
    as_json: bool,
) -> None:
    """Put the release in DIR to use: copy it, announce it in the log, and point to it.

    Exit 1 if a gate fails and no reason is given; then nothing was changed. The gateway may run: it uses the release
    from its next start.
    """
    home = _home(config, data)
    release = read_release(folder).model.release
    before = read_pointer(home.releases)
    current = _figures(against if against is not None else _kept_evaluation(home, before))
    measured = evaluation or _there(folder / EVALUATION)
    found = gates(release.digest, _figures(measured), current, bound=bound, must_compare=True)
    if failed(found) and not despite:
        _refuse(release, found, as_json=as_json)
    candidate = Candidate(
        folder=folder,
        evaluation=evaluation,
        failed=failed(found),
        reason=despite if failed(found) else None,
        vkey=vkey,
    )
    after = asyncio.run(activate(home, candidate, SystemClock()))
    if as_json:
        _print({"gates": gate_rows(found), **pointer_object(after)})
        return
    click.echo(gate_table(found))
    _say_change(before, after)


def _refuse(release: Release, found: tuple[Gate, ...], *, as_json: bool) -> None:
    if as_json:
        _print({**_head(release), "ok": False, "gates": gate_rows(found)})
    else:
        click.echo(gate_table(found))
        click.echo("Not activated, and nothing was changed. To use it all the same, say why: --despite REASON.")
    raise SystemExit(1)


@command.command()
@_of_gateway
@click.option("--reason", help="Why; it is recorded.")
@_JSON
def rollback(config: str | None, data: str | None, reason: str | None, as_json: bool) -> None:
    """Go back to the release before the one in use; from the first one, to the release that comes with the package."""
    home = _home(config, data)
    before = read_pointer(home.releases)
    after = asyncio.run(roll_back(home, SystemClock(), reason))
    if as_json:
        _print(pointer_object(after))
    else:
        _say_change(before, after)


@command.command("list")
@_of_gateway
@_JSON
def list_command(config: str | None, data: str | None, as_json: bool) -> None:
    """The release in use, those to go back to, and every change. Exit 1 if one that is needed was altered."""
    home = _home(config, data)
    pointer = read_pointer(home.releases)
    kept = [*([pointer.active] if pointer.active is not None else []), *reversed(pointer.before)]
    faults = {activation.digest: _fault(home, activation) for activation in kept}
    if as_json:
        releases = [{**activation_object(each), "fault": faults[each.digest]} for each in kept]
        _print({**pointer_object(pointer), "releases": releases})
    else:
        click.echo(f"in use: {named(pointer.active)}")
        for activation in kept:
            click.echo(f"  {named(activation)}: {told(activation)}")
            if (fault := faults[activation.digest]) is not None:
                click.echo(f"    cannot be used: {fault}")
        names = {each.digest: f"{each.name} {each.version}" for each in kept}
        for line in history(pointer.changes, names):
            click.echo(line)
    if any(faults.values()):
        raise SystemExit(1)


def _fault(home: Home, activation: Activation) -> str | None:
    try:
        read_active(folder_of(home.releases, activation.digest), activation)
    except OperatorError as error:
        return str(error)
    return None


@command.command()
@_of_gateway
@_JSON
def shadow(config: str | None, data: str | None, as_json: bool) -> None:
    """What the release in shadow would have had done otherwise, so far."""
    path = _home(config, data).data / SHADOW_FILE
    if not path.is_file():
        raise OperatorError(f"there is no {str(path)!r}: set shadow under [classifier], and start the gateway")
    found = asyncio.run(_flips(path))
    if as_json:
        _print({"pairs": [flips_object(flips) for flips in found]})
    else:
        click.echo("\n\n".join(map(flips_table, found)) or "nothing compared yet")


async def _flips(path: Path) -> tuple[Flips, ...]:
    comparisons = await open_comparisons(path)
    tally, after = Tally(), 0
    try:
        while page := await comparisons.page(after, PAGE):
            tally.add(row for _, row in page)
            after = page[-1][0]
        return tally.flips(await comparisons.dropped())
    finally:
        await comparisons.aclose()


def _home(config: str | None, data: str | None) -> Home:
    settings = read_settings(config, data, NoSecrets())
    return Home(data=Path(settings.data), origin=settings.origin, kept=settings.log)


def _figures(path: Path | None) -> Figures | None:
    if path is None:
        return None
    try:
        return parse_evaluation(path.read_bytes(), str(path))
    except OSError as error:
        remedy = "give --evaluation FILE, as `overt evaluate --out` writes it"
        raise OperatorError(f"{str(path)!r} cannot be read ({error.strerror}); {remedy}") from error


def _kept_evaluation(home: Home, pointer: Pointer) -> Path | None:
    """The evaluation that lies beside the release in use, None if there is none."""
    folder = shipped() if pointer.digest is None else folder_of(home.releases, pointer.digest)
    return _there(folder / EVALUATION)


def _there(path: Path) -> Path | None:
    return path if path.is_file() else None


def _say_change(before: Pointer, after: Pointer) -> None:
    if before.digest == after.digest:
        click.echo(f"In use already, and its copy was written anew: {named(after.active)}.")
        return
    click.echo(f"Was in use: {named(before.active)}.\nIs in use:  {named(after.active)}.")
    if after.active is not None:
        click.echo(f"  {told(after.active)}; its announcement is in the log.")
    click.echo(RESTART)


def _head(release: Release) -> dict[str, object]:
    return {"name": release.name, "version": release.version, "digest": release.digest}


def _print(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
