"""Prompts of our own with automatic checkers: matched target and control sets, a general set, and a ladder of cues.

Every prompt is made by code from a seed, so that another seed gives a parallel set that nobody has seen, and from a
wording, so that no two audits need send the same strings. `overt.audit.prompts.sets` makes them,
`overt.audit.prompts.checkers` grades the answers. What they cannot promise is in ``docs/audit/prompts.md``.
"""
