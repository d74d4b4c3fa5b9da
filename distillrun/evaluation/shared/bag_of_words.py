"""The usual baseline of text classification: TF-IDF of words and word pairs, and logistic regression."""

from collections.abc import Sequence

MOST_FEATURES = 50_000


def bag_of_words_answers(texts: Sequence[str], labels: Sequence[int], asked: Sequence[str]) -> list[int]:
    """Return the label of each asked text, as logistic regression on TF-IDF learns it from texts with labels.

    Words and pairs of words, logarithmic counts, unit length, and scikit-learn's regression with C = 10. Texts in
    scripts without spaces are cut into runs of one to four characters.

    Raises:
        ValueError: the texts have one label alone, or no word.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    spaced = sum(" " in text.strip() for text in texts) * 2 >= len(texts)
    grams = {"token_pattern": r"(?u)\b\w+\b", "ngram_range": (1, 2)}
    if not spaced:
        grams = {"analyzer": "char", "ngram_range": (1, 4)}
    words = TfidfVectorizer(sublinear_tf=True, max_features=MOST_FEATURES, **grams)
    model = make_pipeline(words, LogisticRegression(C=10.0, max_iter=300, tol=1e-3))
    return [int(label) for label in model.fit(texts, labels).predict(asked)]
