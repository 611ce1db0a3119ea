"""The settings of a gateway, as values. Nothing here reads anything; `overt.config.parse` does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, final

from overt.core.domain import ModelName

DEMO_URL = "demo:"
DEMO_NAME = "overt-demo"
DEMO_MODELS = (ModelName("demo-large"), ModelName("demo-small"))
DEFAULT_POLICY = "default"
DEFAULT_DATA = "overt-data"
DEFAULT_CONTACT = "the operator of this gateway"
DEFAULT_ORIGIN = "localhost/overt/log"
DEFAULT_MAX_BODY_MIB = 20
DEFAULT_JUDGE_TIMEOUT_S = 1.5
OBJECTS = "s3://"
"""How the address of a place in object storage begins."""


@final
class Secret:
    """A value that never shows itself: not in messages, logs, tracebacks of values, or JSON.

    Deliberately no dataclass, so that `dataclasses.asdict` does not open it. Only ``reveal`` gives the value.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))


class WireProtocol(StrEnum):
    """What an upstream speaks."""

    ANTHROPIC = "anthropic"


class KeyHeader(StrEnum):
    """The header in which an upstream expects its key."""

    X_API_KEY = "x-api-key"
    AUTHORIZATION = "authorization"


@final
@dataclass(frozen=True, slots=True)
class PassThrough:
    """The caller's own ``x-api-key`` or ``authorization`` header is sent on as it came."""


@final
@dataclass(frozen=True, slots=True)
class NoCredential:
    """The upstream wants no key, and gets none."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FromEnvironment:
    """A key of the operator's, taken from the environment variable ``variable``."""

    variable: str
    header: KeyHeader
    secret: Secret

    def pair(self) -> tuple[str, str]:
        """The header's name and value. The value is the secret: do not log it."""
        match self.header:
            case KeyHeader.X_API_KEY:
                return self.header.value, self.secret.reveal()
            case KeyHeader.AUTHORIZATION:
                return self.header.value, f"Bearer {self.secret.reveal()}"


Credential: TypeAlias = PassThrough | NoCredential | FromEnvironment


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long to wait for a connection, for the first byte, and between two pieces of an answer, in seconds."""

    connect_s: float = 10.0
    first_byte_s: float = 600.0
    idle_s: float = 300.0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSettings:
    """One model server. ``models`` is None for the one upstream that takes every model that no other one names."""

    name: str
    protocol: WireProtocol
    url: str
    models: tuple[ModelName, ...] | None
    credential: Credential
    timeouts: Timeouts = Timeouts()

    @property
    def is_demo(self) -> bool:
        """Whether this stands for the built-in demonstration models."""
        return self.url == DEMO_URL


class JudgeShape(StrEnum):
    """How a judge is asked and answers. The last two are advisory: they read no policy of ours and change nothing."""

    GPT_OSS_SAFEGUARD = "gpt-oss-safeguard"
    GRANITE_GUARDIAN = "granite-guardian"
    QWEN3GUARD = "qwen3guard"
    LLAMA_GUARD = "llama-guard"

    @property
    def is_advisory(self) -> bool:
        """Whether its opinions are recorded only."""
        return self in (JudgeShape.QWEN3GUARD, JudgeShape.LLAMA_GUARD)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSettings:
    """The third stage: a model that is asked before anything is done to a request. ``api_key`` is None for no key."""

    url: str
    model: ModelName
    shape: JudgeShape
    api_key: Secret | None = None
    timeout_s: float = DEFAULT_JUDGE_TIMEOUT_S


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """Where the transparency log is kept. ``memory`` is a file or object elsewhere that remembers the last checkpoint,
    None for none; ``database`` the address of a PostgreSQL server for queue, head and store, and ``tiles`` that of a
    bucket, None for the data folder. With a database, several gateways may share the log. ``witnesses`` is a policy
    file that says who must cosign, None for nobody."""

    memory: str | None = None
    database: Secret | None = None
    tiles: str | None = None
    witnesses: str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that an operator can choose.

    ``policy`` is a bundled name or a path, ``data`` the folder of keys, log and store, ``contact`` whom a notice tells
    people to write to, ``origin`` the log's name in its checkpoints, ``authenticate`` whether callers need a key of
    this gateway's, ``judge`` the optional third stage, ``shadow`` the folder of a release that is tried beside the one
    in use, ``log`` how the transparency log is kept.
    """

    upstreams: tuple[UpstreamSettings, ...]
    policy: str = DEFAULT_POLICY
    data: str = DEFAULT_DATA
    contact: str = DEFAULT_CONTACT
    origin: str = DEFAULT_ORIGIN
    public_url: str | None = None
    max_body_mib: int = DEFAULT_MAX_BODY_MIB
    authenticate: bool = True
    judge: JudgeSettings | None = None
    shadow: str | None = None
    log: LogSettings = LogSettings()

    @property
    def max_body_bytes(self) -> int:
        """The size limit of a request's body."""
        return self.max_body_mib * 1024 * 1024

    @staticmethod
    def default() -> Settings:
        """What runs without a configuration file: the demonstration models behind the default policy."""
        return Settings(
            upstreams=(
                UpstreamSettings(
                    name=DEMO_NAME,
                    protocol=WireProtocol.ANTHROPIC,
                    url=DEMO_URL,
                    models=DEMO_MODELS,
                    credential=NoCredential(),
                ),
            ),
        )
