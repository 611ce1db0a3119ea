"""Which upstream serves which model. An unknown model is not found; nobody is ever sent to a substitute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from overt.core.domain import ModelName
from overt.errors import NotFound, TooLarge
from overt.ports import Upstream

LONGEST_NAME: Final = 1024
"""Characters. The record of an exchange names the model that was asked for and the one that answered, and has to fit
into one entry of the log: so a longer name is refused before anybody is asked."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """``named`` maps models to their upstream; ``others`` serves every other name, None if nobody does."""

    named: Mapping[ModelName, Upstream]
    others: Upstream | None

    def knows(self, model: ModelName) -> bool:
        """Whether somebody is asked for this model."""
        return self.others is not None or model in self.named

    def upstream(self, model: ModelName) -> Upstream:
        """Who is asked for this model; raises `NotFound`, and `TooLarge` for a name that cannot be recorded."""
        if len(model) > LONGEST_NAME:
            raise TooLarge(f"model: a name of {len(model)} characters is over the limit of {LONGEST_NAME}")
        found = self.named.get(model, self.others)
        if found is None:
            raise NotFound(f"model: {model!r} is not served here; GET /v1/models lists what is")
        return found

    async def descriptions(self, headers: tuple[tuple[str, str], ...]) -> tuple[Mapping[str, object], ...]:
        """Every model that is served, as its upstream describes it; raises `UpstreamError`.

        ``headers`` are the caller's, for upstreams that are asked with the caller's own credential.
        Of an upstream with a list of names only those on the list are shown, and all of them.
        """
        shown: list[Mapping[str, object]] = []
        for upstream in self.upstreams():
            described = {str(each.get("id")): each for each in await upstream.models(headers)}
            names = [name for name, server in self.named.items() if server is upstream]
            if upstream is self.others:
                names += [ModelName(name) for name in described if ModelName(name) not in self.named]
            shown += [described.get(name, {"id": name}) for name in names]
        return tuple(shown)

    def upstreams(self) -> tuple[Upstream, ...]:
        """Each upstream once."""
        found = [*self.named.values(), *([self.others] if self.others is not None else [])]
        return tuple({id(upstream): upstream for upstream in found}.values())
