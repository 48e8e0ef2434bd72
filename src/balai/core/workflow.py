"""A small kernel for records that move between states: who may, from where to where, and only once.

The lock is one conditional UPDATE on the state the actor saw. Of two people who press at once,
one moves the record and the other is told.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models, router, transaction
from django.utils.translation import gettext_lazy as _

from balai.core.errors import Refused, Stale
from balai.core.rules import Verdict, require


@dataclass(frozen=True, slots=True)
class Move:
    """From any of ``sources`` to ``target``, if ``rule(user, record)`` allows."""

    name: str
    sources: frozenset[str]
    target: str
    rule: Callable[[Any, Any], Verdict]


class Workflow:
    """The table of moves of one kind of record, whose state is kept in ``field``."""

    def __init__(self, *moves: Move, field: str = "state") -> None:
        self.field = field
        self.moves = {move.name: move for move in moves}
        if len(self.moves) != len(moves):
            raise ValueError("two moves of a workflow share a name")

    def open_to(self, user: Any, record: models.Model) -> dict[str, Verdict]:
        """Every move that starts in the record's present state, with the verdict for this person."""
        state = getattr(record, self.field)
        return {m.name: m.rule(user, record) for m in self.moves.values() if state in m.sources}

    def make[Record: models.Model](
        self, name: str, record: Record, *, by: Any, extra: Mapping[str, Any] | None = None
    ) -> Record:
        """Move the record, writing ``extra`` columns in the same UPDATE, inside the caller's transaction.

        Raises Refused if the move does not start in this state or the rule says no, Stale if somebody
        moved the record since it was read; then nothing is written. KeyError for an unknown move.
        """
        move = self.moves[name]
        seen = getattr(record, self.field)
        if seen not in move.sources:
            raise Refused(_("This step is not open any more: the record is in another state."))
        require(move.rule(by, record))
        using = record._state.db or router.db_for_write(type(record))
        if not transaction.get_connection(using).in_atomic_block:
            raise transaction.TransactionManagementError("a move needs the transaction of its action")
        values = {**(extra or {}), self.field: move.target}
        rows = type(record)._base_manager.using(using).filter(pk=record.pk, **{self.field: seen})
        if not rows.update(**values):
            raise Stale(_("Somebody else was faster. Reload the page to see what changed."))
        for column, value in values.items():
            setattr(record, column, value)
        return record
