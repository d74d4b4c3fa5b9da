import yaml
from hypothesis import given
from hypothesis import strategies as st

from distillrun.files.yaml_text import yaml_text
from tests.structure.disk import YAMLS, read

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x85\u2028\u2029"), max_size=12)
"""PyYAML reads the three line breaks of Unicode back as blanks where it writes them itself."""

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_what_is_written_is_read_back(values: dict[str, object]) -> None:
    assert yaml.safe_load(yaml_text(values)) == values


def test_every_shipped_file_is_written_as_pyyaml_writes_it() -> None:
    for path in YAMLS:
        values = read(path)
        assert yaml_text(values, width=100) == yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)


def test_half_a_surrogate_pair_is_escaped() -> None:
    assert yaml_text({"a": "x\ud800"}) == 'a: "x\\uD800"\n'


def test_letters_of_every_language_and_emoji_stay_readable() -> None:
    assert yaml_text({"b": "中文 é", "a": "a 😀 smile"}) == "b: 中文 é\na: a 😀 smile\n"
