"""A gateway as the sum of its parts. `overt.gateway.compose` puts one together; nothing else does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import final

from overt.core.policy import Policy
from overt.gateway.admit import Admission
from overt.gateway.gossip import Gossip
from overt.gateway.models import Models
from overt.gateway.pipeline import Pages, Pipeline
from overt.gateway.shards import ClosedLogs
from overt.ports import Archive, Classifier, Clock, Log, Store


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Documents that anybody may fetch: the policy's own bytes, the classifier's manifest and its cards."""

    policy_toml: bytes
    manifest: bytes
    cards: Mapping[str, str]
    log_keys: bytes = b""
    """What is announced about the log's keys (`overt.proof.keys`); nothing while it has its first one."""

    @property
    def digests(self) -> Mapping[str, str]:
        """Under which digest each card stays when the classifier has another one."""
        return {name: f"sha256:{sha256(card.encode()).hexdigest()}" for name, card in self.cards.items()}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Everything that the application needs. ``pages`` gives the addresses that answers point to."""

    pipeline: Pipeline
    models: Models
    admission: Admission
    classifier: Classifier
    policy: Policy
    store: Store
    archive: Archive
    log: Log
    gossip: Gossip
    clock: Clock
    pages: Pages
    published: Published
    contact: str
    closed: ClosedLogs = field(default_factory=lambda: ClosedLogs({}))
