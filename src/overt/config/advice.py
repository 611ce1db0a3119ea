"""What is allowed in a configuration but worth a second look before others use the gateway."""

from __future__ import annotations

from collections.abc import Iterator

from overt.config.settings import DEFAULT_CONTACT, FromEnvironment, Settings, UpstreamSettings

_LOCAL = ("http://localhost", "http://127.", "http://[::1]")


def advice(settings: Settings) -> tuple[str, ...]:
    """Sentences for the operator, to be shown at the start."""
    return tuple(_advice(settings))


def _advice(settings: Settings) -> Iterator[str]:
    if settings.contact == DEFAULT_CONTACT and not all(upstream.is_demo for upstream in settings.upstreams):
        yield f'contact is not set: notices tell people to turn to "{DEFAULT_CONTACT}", without an address.'
    for upstream in settings.upstreams:
        yield from _upstream_advice(upstream, authenticate=settings.authenticate)


def _upstream_advice(upstream: UpstreamSettings, *, authenticate: bool) -> Iterator[str]:
    if isinstance(upstream.credential, FromEnvironment) and not authenticate:
        yield f"everybody who reaches this gateway spends your key for upstream {upstream.name!r}."
    if upstream.url.startswith("http://") and not upstream.url.startswith(_LOCAL):
        yield f"requests and keys travel to upstream {upstream.name!r} without encryption (http)."
