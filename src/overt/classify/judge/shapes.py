"""The shapes by the name that a configuration gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from overt.classify.judge.gpt_oss_safeguard import GPT_OSS_SAFEGUARD
from overt.classify.judge.granite_guardian import GRANITE_GUARDIAN
from overt.classify.judge.llama_guard import LLAMA_GUARD
from overt.classify.judge.qwen3guard import QWEN3GUARD
from overt.classify.judge.shape import Shape

SHAPES: Final[Mapping[str, Shape]] = {
    shape.name: shape for shape in (GPT_OSS_SAFEGUARD, GRANITE_GUARDIAN, QWEN3GUARD, LLAMA_GUARD)
}
