"""A task that was concluded from a user's tables: settings, each with its reason."""

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["classification", "multiple_choice", "free_form"]


@dataclass
class Guess:
    """A task for a user's files.

    Attributes:
        kind: the option of the config group `task`.
        settings: of the task, by their keys without `task.`; those of sections as mappings.
        scorer: what says how good an answer in free form is; None = its task has none.
        reasons: a sentence for each conclusion.
    """

    kind: Kind
    settings: dict[str, Any] = field(default_factory=dict)
    scorer: str | None = None
    reasons: list[str] = field(default_factory=list)

    @property
    def label_source(self) -> str:
        """Who gives the training labels."""
        return str(self.settings.get("label_source", "gold"))
