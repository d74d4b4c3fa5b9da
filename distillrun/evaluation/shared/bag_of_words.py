"""The usual baseline of text classification: TF-IDF of words and word pairs, and logistic regression."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_FEATURES = 50_000


def bag_of_words_answers(texts: Sequence[str], labels: Sequence[int], asked: Sequence[str]) -> list[int]:
    """Return the label of each asked text, as logistic regression on TF-IDF learns it from texts with labels.

    Words and pairs of words, logarithmic counts, unit length, and scikit-learn's regression with C = 10. Texts in
    scripts without spaces are cut into runs of one to four characters.

    Raises:
        ValueError: the texts have one label alone, or no word.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(_counter(texts), LogisticRegression(C=10.0, max_iter=300, tol=1e-3))
    with warnings.catch_warnings():  # that many classes have few texts is in the report's table
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%", UserWarning)
        return [int(label) for label in model.fit(texts, labels).predict(asked)]


def bag_of_words_sets(texts: Sequence[str], labels: "NDArray[np.bool_]", asked: Sequence[str]) -> "NDArray[np.bool_]":
    """Return the labels [M, L] of each asked text, as one such regression for each label learns them.

    A label that all texts have, or none, is said of all, or of none.

    Args:
        texts: to learn from.
        labels: which of them each has, [N, L].
        asked: texts without labels.

    Raises:
        ValueError: the texts have no word.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    counter = _counter(texts)
    known, wanted = counter.fit_transform(texts), counter.transform(asked)
    found = np.zeros((len(asked), labels.shape[1]), dtype=bool)
    for place, own in enumerate(labels.T):
        if own.all() or not own.any():
            found[:, place] = own.all()
            continue
        found[:, place] = LogisticRegression(C=10.0, max_iter=300, tol=1e-3).fit(known, own).predict(wanted)
    return found


def _counter(texts: Sequence[str]) -> Any:
    """Return what counts the words of texts, or their runs of characters where the script has no spaces."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    spaced = sum(" " in text.strip() for text in texts) * 2 >= len(texts)
    grams = {"token_pattern": r"(?u)\b\w+\b", "ngram_range": (1, 2)}
    if not spaced:
        grams = {"analyzer": "char", "ngram_range": (1, 4)}
    return TfidfVectorizer(sublinear_tf=True, max_features=MOST_FEATURES, **grams)
