"""Names of models: an alias is never another model, and another model never an alias."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.audit.scan.names import FAMILIES, Relation, relation

TABLE = """
gpt-4o gpt-4o-2024-08-06 alias
gpt-4o-2024-08-06 gpt-4o-2024-08-06 same
gpt-4o-2024-05-13 gpt-4o-2024-08-06 snapshot
gpt-4-0314 gpt-4-0613 snapshot
gpt-4o gpt-4o-mini other
gpt-4o gpt-4o-mini-2024-07-18 other
gpt-4o gpt-4o-audio-preview-2024-10-01 other
gpt-4 gpt-4-0613 alias
gpt-4 gpt-4.1 other
gpt-4 gpt-4.1-2025-04-14 other
gpt-4-32k gpt-4-32k-0613 alias
gpt-4-turbo-preview gpt-4-0125-preview alias
gpt-3.5-turbo gpt-3.5-turbo-0125 alias
gpt-5.5 gpt-5.5-2026-01-01 alias
o3 o3-2025-04-16 alias
o3 o3-mini other
o1 o1-preview-2024-09-12 other
gpt-5 gpt-5-chat-latest other
gpt-4o chatgpt-4o-latest other
gpt-4 gpt-4-1106-preview other
gpt-3.5-turbo gpt-3.5-turbo-instruct other
sonnet claude-sonnet-4-5 unclear
openai/gpt-4o gpt-4o-2024-11-20 alias
anthropic/claude-fable-5 claude-fable-5 same
anthropic/claude-opus-4.8 claude-opus-4-8 same
anthropic/claude-3.5-sonnet claude-3-5-sonnet-20241022 alias
claude-3-5-sonnet-latest claude-3-5-sonnet-20241022 alias
claude-3-5-sonnet@20241022 claude-3-5-sonnet-20241022 same
claude-3-5-sonnet-v2@20241022 claude-3-5-sonnet-20241022 same
us.anthropic.claude-3-5-sonnet-20241022-v2:0 claude-3-5-sonnet-20241022 same
us.anthropic.claude-3-5-sonnet-20241022-v2:0 claude-3-5-haiku-20241022 other
arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-6-v1 claude-opus-4-6 same
claude-sonnet-4-0 claude-sonnet-4-20250514 alias
claude-opus-4-1 claude-opus-4-20250514 other
claude-fable-5 claude-opus-4-8 other
claude-fable-5 claude-fable-5-1 other
claude-fable-5-20260609 claude-fable-5 alias
gemini-2.5-pro gemini-2.5-pro-preview-05-06 alias
gemini-2.5-flash gemini-2.5-flash-preview-09-2025 alias
gemini-1.5-pro models/gemini-1.5-pro-002 alias
gemini-2.5-pro gemini-2.5-flash other
mistral-large-latest mistral-large-2411 alias
deepseek/deepseek-chat deepseek-ai/DeepSeek-V3 alias
deepseek/deepseek-r1-0528:free deepseek/deepseek-r1-0528 same
accounts/fireworks/models/llama-v3p1-70b-instruct meta-llama/Llama-3.1-70B-Instruct same
meta-llama/Meta-Llama-3.1-70B-Instruct meta-llama/Llama-3.1-8B-Instruct other
meta-llama/Llama-3.1-70B-Instruct meta-llama/Llama-3.1-70B-Instruct-FP8 alias
qwen/qwen-2.5-72b-instruct Qwen2.5-72B-Instruct same
llama3:8b llama3:70b other
llama3:latest llama3 same
my-deployment gpt-4o-2024-08-06 unclear
openrouter/auto openai/gpt-4o unclear
gpt-4 gpt unclear
demo-large demo-small other
mockllm/model other-model other
"""
CASES = [line.split() for line in TABLE.strip().splitlines()]


@pytest.mark.parametrize(("requested", "served", "expected"), CASES, ids=[" ".join(case[:2]) for case in CASES])
def test_the_relation_of_two_names(requested: str, served: str, expected: str) -> None:
    assert relation(requested, served) is Relation(expected)


@given(
    family=st.sampled_from(sorted(FAMILIES)),
    version=st.integers(1, 30),
    size=st.sampled_from(["", "-mini", "-70b", "-large"]),
    date=st.dates(),
)
def test_a_dated_snapshot_of_the_requested_alias_is_never_another_model(
    family: str, version: int, size: str, date: object
) -> None:
    name = f"{family}-{version}{size}"
    dated = str(date)
    if not dated.startswith("20"):
        return
    assert relation(name, f"{name}-{dated}") is Relation.ALIAS
    assert relation(f"openrouter/x/{name}", f"{name}-{dated.replace('-', '')}") is Relation.ALIAS


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_names_have_a_relation_and_every_name_is_itself(one: str, two: str) -> None:
    assert relation(one, two) in Relation
    assert relation(one, one) is Relation.SAME
