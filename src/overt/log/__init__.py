"""The log on one machine: a durable queue in SQLite, a sequencer, and tiles in a folder."""
