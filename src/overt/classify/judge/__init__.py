"""Stage 3: a model that reads a written policy and says whether the earlier stages were right to act.

`written` holds the policies, `shapes` the four forms in which such models are asked and answer, `ask` is the judge over
an OpenAI-compatible endpoint, and `judged` puts one behind a classifier. A judge is optional, is asked only where
something would be done, and can only make it less: it clears, and never raises a probability.
"""
