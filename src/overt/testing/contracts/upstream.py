"""What every `ports.Upstream` keeps, over a server (or a script) that answers as the arguments say.

``echo`` is an upstream whose model ``m`` answers 200 with ``body``; ``failing`` one whose model ``m`` answers
``status``; ``cut`` one whose reply breaks off after the first bytes.
"""

from __future__ import annotations

from overt.core.domain import ModelName
from overt.core.exchange import Verbatim
from overt.errors import UpstreamError
from overt.ports import Reply, Upstream

HEADERS = (("content-type", "application/json"), ("anthropic-version", "2023-06-01"))
ASKED = Verbatim(b'{"model":"m", "unknown" : [1, 2]}', ModelName("m"))


async def read_all(reply: Reply) -> bytes:
    """The whole body."""
    return b"".join([chunk async for chunk in reply.chunks])


async def check_upstream(echo: Upstream, body: bytes, failing: Upstream, status: int, cut: Upstream) -> None:
    """Run the whole contract; raises `AssertionError` at the first promise that is not kept."""
    reply = await echo.send(ASKED, path="/v1/messages", headers=HEADERS)
    assert reply.status == 200
    assert await read_all(reply) == body, "the body comes as it was sent"
    assert any(model.get("id") == "m" for model in await echo.models()), "the models are described"
    failure = await failing.send(ASKED, path="/v1/messages", headers=HEADERS)
    assert failure.status == status, "a status is handed on, whatever it is"
    await read_all(failure)
    broken = await cut.send(ASKED, path="/v1/messages", headers=HEADERS)
    try:
        await read_all(broken)
    except UpstreamError:
        pass
    else:
        raise AssertionError("a reply that breaks off raises, it never looks complete")
    for upstream in (echo, failing, cut):
        await upstream.aclose()
        await upstream.aclose()
