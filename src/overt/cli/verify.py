"""``overt verify``: does a receipt hold, and what does it prove?"""

from __future__ import annotations

import time
from typing import BinaryIO

import click

from overt.cli.source import open_source
from overt.cli.steps import checked_key, read_policy, show
from overt.proof.policy import Policy
from overt.proof.verify import holds, verify_receipt


@click.command("verify")
@click.argument("receipt", type=click.File("rb"))
@click.option("--log", "log", metavar="URL|DIR", help="Also look the entry up in the log as it is now.")
@click.option("--key", metavar="VKEY", callback=checked_key, help="The log's verifier key, from a source you trust.")
@click.option("--request", type=click.File("rb"), help="The bytes of the request that was sent.")
@click.option("--response", type=click.File("rb"), help="The bytes of the response that came back.")
@click.option("--policy", callback=read_policy, metavar="FILE", help="The witnesses that must have cosigned.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    receipt: BinaryIO,
    log: str | None,
    key: str | None,
    request: BinaryIO | None,
    response: BinaryIO | None,
    policy: Policy | None,
    as_json: bool,
) -> None:
    """Verify a RECEIPT in numbered steps ('-' reads standard input).

    Exit status: 0 if no step fails, 1 if one does, 2 if the input cannot be read.
    """
    steps = verify_receipt(
        receipt.read(),
        log_vkey=key,
        request=request.read() if request else None,
        response=response.read() if response else None,
        fetched=open_source(log) if log else None,
        now=int(time.time() * 1000),
        witnesses=policy,
    )
    verdict = "Verified." if key else "Intact. Who issued it is not proved: no --key was given."
    show(steps, as_json=as_json, verdict=verdict, more={"key_given": key is not None})
    if not holds(steps):
        raise SystemExit(1)
