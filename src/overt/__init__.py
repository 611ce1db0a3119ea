"""Overt: safeguards for AI models that always say so."""
