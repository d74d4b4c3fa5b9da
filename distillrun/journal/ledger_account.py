"""The account that a teacher reserves its requests with: each is booked in the ledger, or refused."""

from collections.abc import Callable

from distillrun.journal.ledger import Ledger
from distillrun.journal.request_cost import Cost


class LedgerAccount:
    """The `Account` of one teacher in one run: it admits a request unless the budget or the user says stop."""

    def __init__(self, ledger: Ledger, stopping: Callable[[], bool]) -> None:
        self._ledger = ledger
        self._stopping = stopping
        self.refused_by: str | None = None
        """Why the last request was not let through: `user`, or a cap."""

    def reserve(self, prompt_tokens: int, completion_tokens: int) -> "Booking | None":
        if self._stopping():
            self.refused_by = "user"
            return None
        entry = self._ledger.cost(prompt_tokens, completion_tokens)
        self.refused_by = self._ledger.book(entry)
        return None if self.refused_by else Booking(self._ledger, entry)


class Booking:
    """A `Reservation` in a ledger."""

    def __init__(self, ledger: Ledger, booked: Cost) -> None:
        self._ledger = ledger
        self._booked = booked

    def settle(self, prompt_tokens: int, completion_tokens: int) -> None:
        self._ledger.correct(self._booked, self._ledger.cost(prompt_tokens, completion_tokens))
