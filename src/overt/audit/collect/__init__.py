"""Carrying out a plan: every call in an order that the seed decides, every response kept, not one amount too much.

What a stop loses is nothing: a record is on the disk before it counts, and whoever starts again goes on where it ended.
"""
