"""Who is judged by whom: a release is judged by classifiers that never saw the source or the family.

Three classifiers beside the released one, each trained without one fold. A fold holds whole public sources, named here
so that every topic keeps something to learn from, and a third of our own scenario families, by hash. Leaving several
sources out at once is stricter than leaving out one. Sources of general traffic are in no fold: their held-out rows and
the sources that are never trained on judge the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from overt.learn.corpus import Row
from overt.learn.split import draw

FOLDS: Final = 3

_SOURCES: Final = (
    (
        "cysecbench",
        "ailuminate_demo",
        "simplesafetytests",
        "atomic_tests",
        "geneturing",
        "openstax_chemistry",
        "mmlu_redux",
        "gemmini_commits",
        "tritonbench",
        "verl_commits",
        "cutlass_commits",
        "te_commits",
    ),
    (
        "cse_interpreter",
        "harmfulqa",
        "advbench",
        "sigma_rules",
        "intercode",
        "openstax_microbiology",
        "frenchmedmcqa",
        "rdkit_commits",
        "scibench",
        "deepspeed_commits",
        "trl_commits",
        "gpu_mode",
        "maxtext_commits",
    ),
    (
        "catqa",
        "air_bench_examples",
        "strongreject",
        "adversarialqa",
        "refusal_direction_harmful",
        "payload_headings",
        "cse_soc",
        "routellm_mmlu",
        "biopython_commits",
        "scanpy_commits",
        "gaokao_zh",
        "chemistry_qa",
        "biomni_tools",
        "torchtitan_commits",
        "colossalai_commits",
        "flashattention_commits",
        "tilelang_commits",
        "openrlhf_commits",
        "rlhf_titles",
    ),
)
FOLD_OF: Final[Mapping[str, int]] = {name: fold for fold, names in enumerate(_SOURCES) for name in names}


def fold_of(row: Row, seed: int) -> int | None:
    """The fold that a row is left out with; None for a row that is never left out."""
    if row.own:
        return int(draw(seed, "fold", row.group) * FOLDS)
    return FOLD_OF.get(row.source)
