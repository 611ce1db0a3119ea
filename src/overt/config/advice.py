"""What is allowed in a configuration but worth a second look before others use the gateway."""

from __future__ import annotations

from collections.abc import Iterator

from overt.config.settings import DEFAULT_CONTACT, FromEnvironment, JudgeSettings, Settings, UpstreamSettings

_LOCAL = ("http://localhost", "http://127.", "http://[::1]")


def advice(settings: Settings) -> tuple[str, ...]:
    """Sentences for the operator, to be shown at the start."""
    return tuple(_advice(settings))


def _advice(settings: Settings) -> Iterator[str]:
    if settings.contact == DEFAULT_CONTACT and not all(upstream.is_demo for upstream in settings.upstreams):
        yield f'contact is not set: notices tell people to turn to "{DEFAULT_CONTACT}", without an address.'
    for upstream in settings.upstreams:
        yield from _upstream_advice(upstream, authenticate=settings.authenticate)
    if settings.judge is not None:
        yield from _judge_advice(settings.judge)


def _upstream_advice(upstream: UpstreamSettings, *, authenticate: bool) -> Iterator[str]:
    if isinstance(upstream.credential, FromEnvironment) and not authenticate:
        yield f"everybody who reaches this gateway spends your key for upstream {upstream.name!r}."
    if _is_unprotected(upstream.url):
        yield f"requests and keys travel to upstream {upstream.name!r} without encryption (http)."


def _judge_advice(judge: JudgeSettings) -> Iterator[str]:
    if judge.shape.is_advisory:
        yield f"a judge of shape {judge.shape.value!r} is advisory: its opinions change no decision."
    if _is_unprotected(judge.url):
        yield "texts of requests travel to the judge without encryption (http)."


def _is_unprotected(url: str) -> bool:
    return url.startswith("http://") and not url.startswith(_LOCAL)
