"""The kernel moves a record once, and only along its table. Tried on a mail, a record of this room."""

import threading

import pytest
from django.db import connections, transaction
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from balai.core.errors import Refused, Stale
from balai.core.models import SearchDocument
from balai.core.rules import YES, Verdict, no
from balai.core.workflow import Move, Workflow


def only_owner(user: str, _record: SearchDocument) -> Verdict:
    return YES if user == "owner" else no("Only the owner.")


FLOW = Workflow(
    Move("send", frozenset({"draft"}), "sent", only_owner),
    Move("withdraw", frozenset({"sent", "read"}), "draft", only_owner),
    Move("read", frozenset({"sent"}), "read", lambda _user, _record: YES),
    field="kind",
)


def make(state: str = "draft", thread: str = "letter:1") -> SearchDocument:
    return SearchDocument.objects.create(thread=thread, kind=state, title="", url="", stems="")


def stored(record: SearchDocument) -> str:
    return SearchDocument.objects.values_list("kind", flat=True).get(pk=record.pk)


def test_a_move_writes_the_state_and_what_goes_with_it(db) -> None:
    record = make()

    FLOW.make("send", record, by="owner", extra={"city": "31"})

    fresh = SearchDocument.objects.get()
    assert (fresh.kind, fresh.city) == (record.kind, record.city) == ("sent", "31")


def test_moves_open_in_a_state_say_why_not(db) -> None:
    assert FLOW.open_to("stranger", make("sent")) == {"withdraw": no("Only the owner."), "read": YES}


def test_the_rule_is_asked(db) -> None:
    record = make()

    with pytest.raises(Refused, match="Only the owner"):
        FLOW.make("send", record, by="stranger")

    assert stored(record) == "draft"


def test_a_move_that_does_not_start_here_is_refused(db) -> None:
    record = make("read")

    with pytest.raises(Refused):
        FLOW.make("send", record, by="owner")

    assert stored(record) == "read"


def test_a_record_moved_since_it_was_read_is_stale(db) -> None:
    record = make("sent")
    SearchDocument.objects.update(kind="read")

    with pytest.raises(Stale):
        FLOW.make("read", record, by="owner", extra={"city": "31"})

    assert SearchDocument.objects.values_list("kind", "city").get() == ("read", "")
    assert record.kind == "sent"


def test_an_unknown_move_is_a_fault_of_ours(db) -> None:
    with pytest.raises(KeyError):
        FLOW.make("burn", make(), by="owner")


def test_two_moves_of_one_name_are_a_fault_of_ours() -> None:
    move = FLOW.moves["send"]
    with pytest.raises(ValueError, match="share a name"):
        Workflow(move, move)


@pytest.mark.django_db(transaction=True)
def test_a_move_needs_the_transaction_of_its_action() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        FLOW.make("send", make(), by="owner")


@pytest.mark.django_db(transaction=True)
def test_of_two_who_press_at_once_one_wins() -> None:
    for turn in range(10):
        record = make(thread=f"letter:{turn}")
        outcomes: list[str] = []
        barrier = threading.Barrier(2)

        def press(pk: int = record.pk, outcomes: list[str] = outcomes, barrier=barrier) -> None:
            try:
                seen = SearchDocument.objects.get(pk=pk)
                barrier.wait(10)
                with transaction.atomic():
                    FLOW.make("send", seen, by="owner", extra={"changed_at": timezone.now()})
                outcomes.append("won")
            except Stale:
                outcomes.append("told")
            finally:
                connections.close_all()

        threads = [threading.Thread(target=press) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert sorted(outcomes) == ["told", "won"]
        assert stored(record) == "sent"


class Presses(RuleBasedStateMachine):
    """Two people hold copies of one record, each as old as their last look, and press at will."""

    def __init__(self) -> None:
        super().__init__()
        self.outer = transaction.atomic()
        self.outer.__enter__()
        self.truth = "draft"
        self.copies = [make()]
        self.copies.append(SearchDocument.objects.get())

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.outer.__exit__(None, None, None)

    @rule(which=st.integers(0, 1))
    def look(self, which: int) -> None:
        self.copies[which].refresh_from_db()

    @rule(
        which=st.integers(0, 1),
        name=st.sampled_from(sorted(FLOW.moves)),
        user=st.sampled_from(["owner", "x"]),
    )
    def press(self, which: int, name: str, user: str) -> None:
        record, move = self.copies[which], FLOW.moves[name]
        seen = record.kind
        if seen not in move.sources or not move.rule(user, record):
            expected: type[Exception] | None = Refused
        else:
            expected = None if seen == self.truth else Stale
        if expected:
            with pytest.raises(expected):
                FLOW.make(name, record, by=user)
            assert record.kind == seen
        else:
            FLOW.make(name, record, by=user)
            self.truth = move.target
            assert record.kind == move.target

    @precondition(lambda self: self.copies)
    @invariant()
    def the_database_knows_the_truth(self) -> None:
        assert stored(self.copies[0]) == self.truth


def test_any_sequence_of_presses(db) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(Presses)
