"""Regular expressions of users, matched in linear time: no pattern and no text can hang a run."""

from typing import Any

from distillrun.errors import ConfigError


def linear_pattern(pattern: str, key: str) -> Any:
    """Return a pattern of RE2, whose methods are those of `re`; its time grows with the text's length alone.

    RE2 knows neither back-references nor what looks ahead or behind, for that reason.

    Raises:
        ConfigError: RE2 cannot read it.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        told = error.args[0] if error.args else error
        reason = told.decode(errors="replace") if isinstance(told, bytes) else told
        raise ConfigError(
            f"{key}={pattern!r} is no regular expression of RE2 ({reason}), which matches in linear time and knows no "
            "back-references and nothing that looks ahead or behind; see https://github.com/google/re2/wiki/Syntax"
        ) from None
