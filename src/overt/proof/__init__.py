"""Proofs, pure: canonical bytes, hash trees, signed notes, commitments, receipts, and how to verify them."""
