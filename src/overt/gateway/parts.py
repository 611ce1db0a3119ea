"""A gateway as the sum of its parts. `overt.gateway.compose` puts one together; nothing else does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from overt.core.policy import Policy
from overt.gateway.admit import Admission
from overt.gateway.models import Models
from overt.gateway.pipeline import Pages, Pipeline
from overt.ports import Classifier, Clock, Log, Store


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Documents that anybody may fetch: the policy's own bytes, the classifier's manifest and its cards."""

    policy_toml: bytes
    manifest: bytes
    cards: Mapping[str, str]


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
    log: Log
    clock: Clock
    pages: Pages
    published: Published
    contact: str
