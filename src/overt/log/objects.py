"""Tiles and checkpoints in object storage (S3 and what speaks like it), and the second copy of the head.

An object is whole or absent, so tiles are simply put. A checkpoint and the second copy are replaced only if they are
still what was read (``If-Match``), and never by a smaller one: a leader that was paused takes nobody back.

    PREFIX/checkpoint, PREFIX/checkpoint.pending, PREFIX/tile/…, PREFIX/log.vkey    what readers fetch
    PREFIX/staging/SIZE-ROOT                                                        batches under way

Each batch is staged under its own name. Whoever recovers drops those that are *not larger* than the head: a leader that
was paused may recover late, and must not drop the batch that its successor has just committed.

Readers may be sent to the bucket itself: types and cache times are those of C2SP tlog-tiles. Credentials, region and
endpoint come from the environment (``AWS_…``). Needs the extra ``overt[s3]``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar, final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PreconditionError
from obstore.store import S3Store

from overt.errors import LogUnavailable, OperatorError, Superseded
from overt.log.batches import decode_batch, encode_batch
from overt.log.notary import claimed_size
from overt.log.parts import PENDING, Batch, Head
from overt.proof import tiles
from overt.proof.merkle import HASH_BYTES

if TYPE_CHECKING:
    from obstore import Attributes, PutMode
    from obstore.store import S3Config

T = TypeVar("T")

VKEY_FILE: Final = "log.vkey"
_STAGING: Final = "staging/"
_TILES: Final = "tile/"
_AT_A_TIME: Final = 16
_TRIES: Final = 20
_TIMEOUT: Final = timedelta(seconds=5)
_RETRY: Final = timedelta(seconds=10)
_ABSENT: Final = (NotFoundError, FileNotFoundError)
_TAKEN: Final = (AlreadyExistsError, FileExistsError, PreconditionError)
_NOTE: Final[Attributes] = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "public, max-age=1"}
_TILE: Final[Attributes] = {
    "Content-Type": "application/octet-stream",
    "Cache-Control": "public, max-age=31536000, immutable",
}


@final
class Objects:
    """A `TileStore` under a prefix of a bucket, for any number of processes. Made by `open_objects`."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    async def stage(self, batch: Batch) -> None:
        """Make a batch durable under a name of its own."""
        await _put(self._store, _staged(batch.head), encode_batch(batch), _TILE)

    async def recover(self, head: Head) -> Batch | None:
        """Re-apply what was committed. Drop what was not and no longer can be."""
        batch = None
        for path, _ in await self._list(_STAGING):
            if path == _staged(head):
                raw = await _get(self._store, path)
                batch = None if raw is None else decode_batch(raw)
            elif _size_of(path) <= head.size:
                await self._delete([path])
        if batch is not None:
            await self.apply(batch)
        return batch

    async def apply(self, batch: Batch) -> None:
        """Put the files of a committed batch."""
        await _several([_put(self._store, path, data, _TILE) for path, data in batch.files.items()])

    async def publish(self, name: str, note: bytes) -> None:
        """Show a checkpoint, unless a larger one is shown."""
        await _replace(self._store, name, note)

    async def clean(self, batch: Batch) -> None:
        """Forget a published batch, and drop the partial tiles that its full tiles replace."""
        full = [path for path in batch.files if (tile := tiles.parse_path(path)) and tile.width == tiles.WIDTH]
        for path in full:
            await self._delete([partial for partial, _ in await self._list(f"{path}.p/")])
        if batch.files:
            await self._delete([_staged(batch.head)])

    async def read(self, path: str) -> bytes | None:
        """A file of the log."""
        if path not in (tiles.CHECKPOINT, PENDING) and tiles.parse_path(path) is None:
            return None
        return await _get(self._store, path)

    async def measure(self, size: int) -> None:
        """Raise `LogUnavailable` if a full tile is missing or cut off. Lists all tiles: a request for each 1,000."""
        lengths = dict(await self._list(_TILES)) if size >= tiles.WIDTH else {}
        wanted = [tile for level in range(tiles.levels_of(size)) for tile in tiles.tiles_at(size, level)]
        for tile in [*wanted, *tiles.bundles_of(size)]:
            least = 3 * tiles.WIDTH if tile.level == tiles.ENTRIES else HASH_BYTES * tiles.WIDTH
            if tile.width == tiles.WIDTH and lengths.get(tile.path, 0) < least:
                raise LogUnavailable(
                    f"{tile.path!r} has {lengths.get(tile.path, 0)} bytes in the bucket, at least {least} are needed; "
                    "restore it"
                )

    async def introduce(self, vkey: str) -> None:
        """Put the public key beside the log."""
        await _put(self._store, VKEY_FILE, f"{vkey}\n".encode(), _NOTE)

    async def aclose(self) -> None:
        """Nothing is kept open."""

    async def _list(self, prefix: str) -> list[tuple[str, int]]:
        """Paths and lengths of what lies under a prefix that ends in a slash."""
        with _refusing():
            found = await obstore.list(self._store, prefix.rstrip("/")).collect_async()
        return [(each["path"], each["size"]) for each in found]

    async def _delete(self, paths: list[str]) -> None:
        if paths:
            with _refusing():
                await obstore.delete_async(self._store, paths)


@final
class ObjectMemory:
    """A `Memory` in one object. Made by `open_memory`."""

    def __init__(self, store: S3Store, name: str) -> None:
        self._store = store
        self._name = name

    async def recall(self) -> bytes | None:
        """The note in the object."""
        return await _get(self._store, self._name)

    async def remember(self, note: bytes) -> None:
        """Replace the object, unless it is of a larger log."""
        await _replace(self._store, self._name, note)


def open_objects(url: str, config: S3Config | None = None) -> Objects:
    """The tile store at ``s3://BUCKET/PREFIX``. ``config`` goes before the environment."""
    return Objects(_store(url, config))


def open_memory(url: str, config: S3Config | None = None) -> ObjectMemory:
    """The second copy of the head at ``s3://BUCKET/PATH``. ``config`` goes before the environment."""
    folder, _, name = url.rpartition("/")
    if not name or folder in ("s3:", "s3:/"):
        raise OperatorError(f"{url!r} names no object; write s3://BUCKET/PATH")
    return ObjectMemory(_store(folder, config), name)


def _store(url: str, config: S3Config | None) -> S3Store:
    try:
        return S3Store.from_url(
            url,
            config=config,
            client_options={"timeout": _TIMEOUT, "connect_timeout": _TIMEOUT, "allow_http": True},
            retry_config={"max_retries": 4, "retry_timeout": _RETRY},
        )
    except (BaseError, ValueError) as error:
        raise OperatorError(f"{url!r} cannot be used ({_said(error)}); write s3://BUCKET/PREFIX") from error


async def _put(store: S3Store, path: str, data: bytes, attributes: Attributes) -> None:
    with _refusing():
        await obstore.put_async(store, path, data, attributes=attributes, use_multipart=False)


async def _get(store: S3Store, path: str) -> bytes | None:
    with _refusing():
        try:
            return bytes(await (await obstore.get_async(store, path)).bytes_async())
        except _ABSENT:
            return None


async def _replace(store: S3Store, path: str, note: bytes) -> None:
    """Put a checkpoint in the place of a smaller one or of one of its size, in one step."""
    for _ in range(_TRIES):
        mode: PutMode = "create"
        with _refusing():
            try:
                found = await obstore.get_async(store, path)
                known = bytes(await found.bytes_async())
                mode = {"e_tag": found.meta["e_tag"]}
            except _ABSENT:
                known = None
        if known == note:
            return
        if known is not None and claimed_size(known) > claimed_size(note):
            raise Superseded(f"{path!r} shows {claimed_size(known)} entries already, not {claimed_size(note)}")
        with _refusing():
            try:
                await obstore.put_async(store, path, note, attributes=_NOTE, use_multipart=False, mode=mode)
            except _TAKEN:
                continue
        return
    raise LogUnavailable(f"{path!r} is replaced by others again and again; see who else writes this log")


async def _several(puts: list[Coroutine[object, object, None]]) -> None:
    """A few at a time. The first failure ends them all."""
    places = asyncio.Semaphore(_AT_A_TIME)

    async def one(put: Coroutine[object, object, None]) -> None:
        async with places:
            await put

    tasks = [asyncio.create_task(one(put)) for put in puts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _staged(head: Head) -> str:
    return f"{_STAGING}{head.size}-{head.root.hex()}"


def _size_of(path: str) -> int:
    """The size in the name of a staged batch."""
    return int(path.removeprefix(_STAGING).partition("-")[0])


def _said(error: Exception) -> str:
    """The first line: the rest is the library's own state."""
    return str(error).strip().partition("\n")[0][:300]


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise LogUnavailable(
            f"object storage cannot be used ({_said(error)}); see to the bucket, its rights and the way to it"
        ) from error
