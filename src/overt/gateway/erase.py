"""Erasing the secret of a receipt: what its commitments hide can then be opened by nobody who did not keep a copy.

Entry, promise and proof stay as they are, so that the receipt verifies as before; it opens nothing any more. The log is
not touched, and need not be: without the secret its commitments are random-looking strings (docs/log.md).
"""

from __future__ import annotations

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from overt.core.domain import ReceiptId
from overt.errors import NotFound
from overt.gateway.parts import Gateway
from overt.ports import Store
from overt.proof.receipt import encode_receipt, parse_receipt, without_secret

COMPLETION = ".completion"


async def secret(gateway: Gateway, http: HttpRequest, request_id: str) -> Response:
    """``DELETE /v1/receipts/{id}/secret``: by the key that asked, and again without harm."""
    del request_id
    caller = await gateway.admission.caller(http)
    name = ReceiptId(http.path_params["id"])
    if not await erase(gateway.store, name, caller.key_id):
        raise NotFound(f"there is no receipt {name!r} of this key; what it opens is erased with the key that asked")
    return Response(status_code=204, headers={"cache-control": "no-store"})


async def erase(store: Store, name: ReceiptId, key_id: str | None) -> tuple[ReceiptId, ...]:
    """Erase the secret of a receipt, and of the completion that belongs to it; which were there.

    ``key_id`` None is the operator's. An answer that is still being sent gets its completion later: erase it then.
    """
    names = (name,) if name.endswith(COMPLETION) else (name, ReceiptId(f"{name}{COMPLETION}"))
    return tuple([each for each in names if await store.erase(each, key_id, _without)])


def _without(body: bytes) -> bytes:
    return encode_receipt(without_secret(parse_receipt(body)))
