"""What every `ports.Store` keeps. Call `check_store` with a factory of fresh stores."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from overt.core.domain import NoticeId, ReceiptId
from overt.errors import VerificationFailed
from overt.ports import KeptReceipt, Store

NewStore = Callable[[], Awaitable[Store]]


async def check_store(new: NewStore) -> None:
    """Run the whole contract; raises `AssertionError` at the first promise that is not kept."""
    store = await new()
    try:
        await _keys(store)
        await _receipts(store)
        await _erasure(store)
        await _notices(store)
        await _announcements(store)
    finally:
        await store.aclose()
        await store.aclose()


async def _keys(store: Store) -> None:
    ada = await store.add_key("ada", b"\x01" * 32)
    bob = await store.add_key("bob", b"\x02" * 32)
    assert ada.key_id != bob.key_id, "each key has its own id"
    assert await store.caller(b"\x01" * 32) == ada, "a key is found by its digest"
    assert await store.caller(b"\x03" * 32) is None, "an unknown digest is nobody's"


async def _receipts(store: Store) -> None:
    first = KeptReceipt(id=ReceiptId("rcp_1"), key_id="key_a", leaf=b"\x00" * 32, body=b"{}")
    await store.keep_receipt(first)
    assert await store.receipt(first.id, "key_a") == first, "a kept receipt can be fetched by its caller"
    assert await store.receipt(first.id, "key_b") is None, "and by nobody else"
    assert await store.receipt(ReceiptId("rcp_2"), "key_a") is None, "an unknown receipt is not there"
    second = KeptReceipt(id=first.id, key_id="key_a", leaf=b"\x01" * 32, body=b"[]")
    try:
        await store.keep_receipt(second)
    except ValueError:
        assert await store.receipt(first.id, "key_a") == first, "the first receipt stands"
    else:
        raise AssertionError("a second receipt with the same id is refused")


async def _erasure(store: Store) -> None:
    whole = KeptReceipt(id=ReceiptId("rcp_e"), key_id="key_a", leaf=b"\x02" * 32, body=b"open secret")
    beside = replace(whole, id=ReceiptId("rcp_f"))
    await store.keep_receipt(whole)
    await store.keep_receipt(beside)

    def without(body: bytes) -> bytes:
        return body.replace(b" secret", b"")

    def refused(body: bytes) -> bytes:
        raise VerificationFailed("receipt", f"{body!r} cannot be read")

    assert not await store.erase(whole.id, "key_b", without), "nobody erases what another key asked for"
    assert not await store.erase(ReceiptId("rcp_g"), None, without), "nor what is not there"
    assert await store.receipt(whole.id, "key_a") == whole, "and nothing changes"
    try:
        await store.erase(whole.id, "key_a", refused)
    except VerificationFailed:
        assert await store.receipt(whole.id, "key_a") == whole, "a body that cannot be read stays as it is"
    else:
        raise AssertionError("the error of a body that cannot be read comes out")
    for key in ("key_a", "key_a", None):
        assert await store.erase(whole.id, key, without), "its own key erases, also again, and so does the operator"
        assert await store.receipt(whole.id, "key_a") == replace(whole, body=b"open"), "the rest of it stays"
    assert await store.receipt(beside.id, "key_a") == beside, "other receipts stay whole"


async def _announcements(store: Store) -> None:
    assert not await store.is_announced("sha256:00"), "nothing is announced at first"
    await store.set_announced("sha256:00")
    await store.set_announced("sha256:00")
    assert await store.is_announced("sha256:00"), "what was announced is remembered"
    assert not await store.is_announced("sha256:01"), "and nothing else"


async def _notices(store: Store) -> None:
    await store.keep_notice(NoticeId("ntc_1"), b"{}")
    assert await store.notice(NoticeId("ntc_1")) == b"{}", "a kept notice can be fetched"
    assert await store.notice(NoticeId("ntc_2")) is None, "an unknown notice is not there"
    try:
        await store.keep_notice(NoticeId("ntc_1"), b"[]")
    except ValueError:
        return
    raise AssertionError("a second notice with the same id is refused")
