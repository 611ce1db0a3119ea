"""The classifier: text in, calibrated findings out. Plain Python and numpy, no network, a few hundred microseconds."""
