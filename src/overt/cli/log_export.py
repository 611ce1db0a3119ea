"""``overt log export``: one proof to keep, as text (C2SP tlog-proof) or as a COSE receipt (RFC 9942)."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import click

from overt.cli.source import Unreadable, key_beside, open_source
from overt.cli.steps import checked_key
from overt.errors import VerificationFailed
from overt.log.keys import read_signer
from overt.proof.cose import cose_receipt
from overt.proof.export import export_proof
from overt.proof.keys import keys_beside
from overt.proof.merkle import HASH_BYTES
from overt.proof.note import parse_vkey
from overt.proof.receipt import parse_receipt
from overt.proof.tlogproof import encode_proof


@click.command("export")
@click.argument("source", metavar="URL|DIR")
@click.option("--receipt", type=click.File("rb"), help="A receipt: prove its entry.")
@click.option("--leaf", metavar="HEX", help="A leaf hash: prove the entry that has it.")
@click.option("--index", type=click.IntRange(min=0), help="A number: prove the entry at this index.")
@click.option("--key", metavar="VKEY", callback=checked_key, help="The log's verifier key, from a source you trust.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the proof here, not to the screen.")
@click.option(
    "--cose",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Write a COSE receipt, signed with the log's key in this file: for the operator.",
)
def command(
    source: str,
    receipt: BinaryIO | None,
    leaf: str | None,
    index: int | None,
    key: str | None,
    out: Path | None,
    cose: Path | None,
) -> None:
    """Give the proof that one entry is in a log, out of its published tiles.

    Exit status: 0 with the proof, 1 if the log does not prove it, 2 if the input cannot be read.
    """
    vkey = key or key_beside(source)
    if vkey is None:
        raise Unreadable(f"{source!r} shows no key; give the log's verifier key with --key")
    try:
        sought = _sought(receipt, leaf, index)
        reader = open_source(source)
        proof, found, checkpoint = export_proof(reader, keys_beside(reader, parse_vkey(vkey)), sought)
        raw = encode_proof(proof)
        if cose is not None:
            signer = read_signer(cose)
            key_of = parse_vkey(signer.vkey)
            if key_of not in keys_beside(reader, parse_vkey(vkey)):
                raise Unreadable(f"{str(cose)!r} holds the key {signer.vkey!r}, the log's is {vkey!r}")
            # The subject is what the statement is about: the entry, which its leaf hash names.
            subject = f"urn:sha256:{found.hex()}"
            raw = cose_receipt(proof, leaf=found, checkpoint=checkpoint, subject=subject, key=key_of, sign=signer.sign)
    except VerificationFailed as failure:
        click.echo(f"overt: {failure}", err=True)
        raise SystemExit(1) from failure
    if out is None:
        click.echo(raw, nl=False)
    else:
        out.write_bytes(raw)


def _sought(receipt: BinaryIO | None, leaf: str | None, index: int | None) -> bytes | int:
    given = [each for each in (receipt, leaf, index) if each is not None]
    if len(given) != 1:
        raise click.UsageError("give exactly one of --receipt, --leaf and --index")
    if receipt is not None:
        return parse_receipt(receipt.read()).leaf
    if index is not None:
        return index
    try:
        raw = bytes.fromhex(leaf or "")
    except ValueError as error:
        raise click.BadParameter(f"{leaf!r} is not hexadecimal", param_hint="--leaf") from error
    if len(raw) != HASH_BYTES:
        raise click.BadParameter(f"a leaf hash has 32 bytes, {leaf!r} has {len(raw)}", param_hint="--leaf")
    return raw
