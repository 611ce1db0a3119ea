"""Anthropic Messages: requests, refusals, fallbacks, streams, errors and models, as the official SDKs expect them."""
