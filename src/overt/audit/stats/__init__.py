"""Tests and e-processes: pure functions of arrays, texts and a seed. No file, clock or socket."""
