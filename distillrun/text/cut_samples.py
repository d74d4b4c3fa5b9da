"""How many of the texts that a student sampled while it was trained were cut off, in words."""

from collections.abc import Mapping, Sequence

from distillrun.text.display import percent

CUT_SHARE = "train/cut_share"


def told_of_cut_samples(metrics: Sequence[Mapping[str, object]]) -> str:
    """Return a sentence on the sampled texts that ran out of tokens; empty where none did, or none was sampled.

    Args:
        metrics: rows of the training, each the mean of as many steps.
    """
    shares = [float(share) for row in metrics if isinstance(share := row.get(CUT_SHARE), int | float)]
    if not any(shares):
        return ""
    return (
        f"{percent(sum(shares) / len(shares))} of the texts sampled in a step were cut off at their longest length "
        f"(first {percent(shares[0])}, last {percent(shares[-1])}), so their ends were not learnt; "
        "objective.max_new_tokens sets the length, and training.warm_start_steps lets the student write first"
    )
