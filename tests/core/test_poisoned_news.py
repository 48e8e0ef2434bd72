"""One entry nobody can be told of must not silence the others."""

from datetime import timedelta

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy

from balai.core import ledger, threads, verbs
from balai.core.models import Entry, Follow, HealthRecord, Notification
from balai.core.notifications import deliver
from tests.builders import client_of, make_user

pytestmark = pytest.mark.django_db

verbs.register("poison.said", label=gettext_lazy("Save"), kind="decision")


def happen(thread: str) -> Entry:
    with transaction.atomic():
        return ledger.append(verb="poison.said", subject=thread, by=None, public=True)


@pytest.fixture(autouse=True)
def _threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_resolvers", dict(threads._resolvers))
    threads.register("sound", lambda ids: {i: threads.ThreadInfo(f"Halte {i}", f"/x/{i}/") for i in ids})
    threads.register("bad", lambda ids: {i: threads.ThreadInfo(str(1 // 0), "") for i in ids})


def test_a_poisoned_entry_is_passed_over_and_shown() -> None:
    person = make_user()
    for thread in ("sound:1", "bad:1", "sound:2"):
        Follow.objects.create(user=person, thread=thread)
    first, bad, last = happen("sound:1"), happen("bad:1"), happen("sound:2")

    read = deliver()

    told = list(Notification.objects.order_by("entry").values_list("entry", flat=True))
    assert (read, told) == (3, [first.seq, last.seq])
    health = client_of().get("/healthz").json()
    assert health["news"] == {"ok": False, "untold": f"entry {bad.seq} (poison.said)"}
    assert health["status"] == "degraded"
    assert deliver() == 0


def test_the_health_page_forgets_after_a_day() -> None:
    HealthRecord.objects.create(
        name="notifications", ok=False, note="entry 1", at=timezone.now() - timedelta(days=2)
    )

    assert client_of().get("/healthz").json()["news"] == {"ok": True, "untold": ""}


def test_a_database_that_is_away_is_asked_again_and_nothing_is_passed_over() -> None:
    person = make_user()
    Follow.objects.create(user=person, thread="away:1")

    def away(_ids: set[str]) -> dict[str, threads.ThreadInfo]:
        raise OperationalError("away")

    threads.register("away", away)
    entry = happen("away:1")

    with pytest.raises(OperationalError):
        deliver()

    threads.register("away", lambda ids: {i: threads.ThreadInfo("Halte", "/x/") for i in ids})
    assert deliver() == 1
    assert list(Notification.objects.values_list("entry", flat=True)) == [entry.seq]
