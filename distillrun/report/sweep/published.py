"""The published scores of the students of arXiv:2504.16056: a small table of facts.

Test accuracy in percent on the 1,221 validation questions of CommonsenseQA: mean, standard deviation and number of
runs, computed from `misc/statistical_analysis/experiment.csv` of the paper's code. The paper reports four of the six
arms. No outlier is taken out here; the paper's own tables take out some.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """One cell: an arm as `conf/experiment/paper` calls it, a size, and what was measured."""

    arm: str
    size: str
    mean: float
    sd: float
    n: int


PUBLISHED = (
    Published("mt", "220M", 62.09, 5.59, 6),
    Published("mt_revised", "220M", 57.45, 4.38, 6),
    Published("cf", "220M", 53.17, 4.14, 6),
    Published("cf_revised", "220M", 44.35, 4.55, 6),
    Published("mt_cf", "220M", 59.79, 2.78, 6),
    Published("mt_cf_revised", "220M", 61.94, 1.24, 6),
    Published("mt", "770M", 75.56, 0.77, 5),
    Published("mt_revised", "770M", 67.44, 14.28, 5),
    Published("cf", "770M", 66.28, 7.53, 6),
    Published("cf_revised", "770M", 61.48, 10.36, 6),
    Published("mt_cf", "770M", 75.18, 1.63, 5),
    Published("mt_cf_revised", "770M", 74.13, 1.22, 6),
)

SIZES = {"t5_base": "220M", "t5_large": "770M"}
"""Which student has which of the paper's sizes."""


def published(arm: str, size: str) -> Published | None:
    """Return what was published of an arm at a size; None where it was not run."""
    return next((one for one in PUBLISHED if (one.arm, one.size) == (arm, size)), None)
