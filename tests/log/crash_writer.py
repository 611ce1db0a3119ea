"""A process that writes a log and ends without warning at one point of the write path.

    python crash_writer.py DIR POINT COUNT

Appends made-up exchanges until the point named POINT is reached for the COUNT-th time. Prints each leaf as soon as
`append` has returned: from then on it is promised.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable
from pathlib import Path

from overt.core.receipt import Position
from overt.log.points import Point
from overt.log.sqlite import open_log
from overt.testing.log import ORIGIN, known_signer
from overt.testing.receipts import announcements, known_issuer, made_up


async def write(directory: Path, point: Point, count: int) -> None:
    left = count

    def reached(now: Point) -> None:
        nonlocal left
        left -= now is point
        if left == 0:
            os._exit(9)

    log = await open_log(directory, ORIGIN, known_signer(), period=0.01, reached=reached)
    issuer = known_issuer()
    for entry in announcements(issuer):
        await promised(log.append(entry))
    for first in range(0, 3000, 50):
        await asyncio.gather(*(promised(log.append(made_up(issuer, n).entry)) for n in range(first, first + 50)))


async def promised(append: Awaitable[Position]) -> None:
    position = await append
    os.write(1, f"{position.leaf.hex()}\n".encode())


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), Point(sys.argv[2]), int(sys.argv[3])))
