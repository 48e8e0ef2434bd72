from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.core import mail as django_mail
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy

from balai.core import ledger, threads, verbs
from balai.core.audiences import audience
from balai.core.mail import LONGEST_CLAIM, MOST_ATTEMPTS, compose, given_up, one_line, send_due
from balai.core.models import Cursor, Entry, Follow, Mail, Notification, Preference
from balai.core.notifications import (
    choose_pace,
    deliver,
    follow,
    last_digest_time,
    mark_read,
    send_digests,
    sentences,
    start_from_now,
)
from balai.people.models import Organisation, User
from tests.builders import make_agency, make_user

JAKARTA = ZoneInfo("Asia/Jakarta")
THREAD = "trial:1"

for kind in ("need", "decision"):
    verbs.register(f"trial.{kind}", label=gettext_lazy("Save"), kind=kind)
verbs.register("trial.secret", label=gettext_lazy("Save"), kind="decision")

insiders: set[int] = set()


@audience("trial.secret")
def the_insiders(entry: Entry) -> Iterable[User]:
    return User.objects.filter(pk__in=insiders)


@pytest.fixture(autouse=True)
def _threads_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    insiders.clear()
    monkeypatch.setattr(threads, "_resolvers", dict(threads._resolvers))
    threads.register(
        "trial", lambda ids: {i: threads.ThreadInfo(f"Halte {i}", f"/coba/{i}/", f"Stop {i}") for i in ids}
    )
    threads.register(
        "organisation",
        lambda ids: {
            str(o.pk): threads.ThreadInfo(o.name, f"/organisasi/{o.slug}/")
            for o in Organisation.objects.filter(pk__in=[UUID(i) for i in ids])
        },
    )


def happen(verb: str = "trial.decision", *, by: User | None = None, public: bool = True, **extra) -> Entry:
    with transaction.atomic():
        return ledger.append(verb=verb, subject=THREAD, thread=THREAD, by=by, public=public, **extra)


def told() -> list[tuple[int, int]]:
    return sorted(Notification.objects.values_list("user_id", "entry"))


def test_followers_are_told_of_public_entries_and_the_actor_is_not(db) -> None:
    actor, follower, stranger = make_user(), make_user(), make_user()
    follow(by=actor, thread=THREAD)
    follow(by=follower, thread=THREAD)
    follow(by=stranger, thread="trial:2")

    entry = happen(by=actor)

    assert deliver() == 1
    assert told() == [(follower.pk, entry.seq)]
    assert [m.to for m in Mail.objects.all()] == [follower.email]


def test_what_is_not_public_reaches_only_those_an_audience_names(db) -> None:
    follower, insider = make_user(), make_user()
    follow(by=follower, thread=THREAD)
    insiders.add(insider.pk)

    entry = happen("trial.secret", public=False)
    deliver()

    assert told() == [(insider.pk, entry.seq)]


def test_a_follower_whom_an_audience_names_too_is_told_once(db) -> None:
    person = make_user()
    follow(by=person, thread=THREAD)
    insiders.add(person.pk)

    entry = happen("trial.secret")
    deliver()

    assert told() == [(person.pk, entry.seq)]
    assert Mail.objects.count() == 1


def test_delivering_again_tells_nothing_again(db) -> None:
    follow(by=make_user(), thread=THREAD)
    happen()
    deliver()

    assert deliver() == 0
    assert (Notification.objects.count(), Mail.objects.count()) == (1, 1)


def test_delivery_interrupted_before_its_end_leaves_nothing_and_is_made_up(db, monkeypatch) -> None:
    follow(by=make_user(), thread=THREAD)
    happen()
    deliver_rows = Notification.objects.bulk_create

    def die(*args, **kwargs) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Notification.objects, "bulk_create", die)
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        deliver()
    left = (Mail.objects.count(), Cursor.objects.filter(name="notifications", seq__gt=0).count())
    monkeypatch.setattr(Notification.objects, "bulk_create", deliver_rows)

    assert left == (0, 0)
    assert deliver() == 1
    assert (Notification.objects.count(), Mail.objects.count()) == (1, 1)


def test_long_histories_are_read_in_pieces_in_order(db) -> None:
    follow(by=make_user(), thread=THREAD)
    for _ in range(5):
        happen()

    assert [deliver(limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert Notification.objects.count() == 5


def test_a_loaded_history_is_not_told(db) -> None:
    follow(by=make_user(), thread=THREAD)
    happen()

    start_from_now()
    later = happen()
    deliver()

    assert list(Notification.objects.values_list("entry", flat=True)) == [later.seq]


def test_delivery_costs_the_same_for_one_follower_and_for_three(db, django_assert_num_queries) -> None:
    follow(by=make_user(), thread=THREAD)
    happen(organisation=make_agency().pk)
    deliver()
    happen(organisation=make_agency().pk)
    with django_assert_num_queries(10):
        deliver()
    for _ in range(2):
        follow(by=make_user(), thread=THREAD)
    happen(organisation=make_agency().pk)
    with django_assert_num_queries(10):
        deliver()


@pytest.mark.parametrize(
    ("hub", "mail", "rows"),
    [
        ("now", "now", [(True, "", True)]),
        ("now", "daily", [(True, "daily", False)]),
        ("now", "never", [(True, "", False)]),
        ("never", "weekly", [(False, "weekly", False)]),
        ("never", "never", []),
    ],
)
def test_preferences_choose_channel_and_pace(db, hub: str, mail: str, rows: list[object]) -> None:
    person = make_user()
    follow(by=person, thread=THREAD)
    choose_pace(by=person, kind="decision", channel="hub", pace=hub)
    choose_pace(by=person, kind="decision", channel="mail", pace=mail)

    happen()
    deliver()

    assert [(n.in_hub, n.digest, n.mail is not None) for n in Notification.objects.all()] == rows


def test_a_preference_that_does_not_exist_is_refused(db) -> None:
    with pytest.raises(ValueError, match="no such preference"):
        choose_pace(by=make_user(), kind="decision", channel="hub", pace="weekly")

    assert Preference.objects.count() == 0


def test_the_mail_says_who_did_what_where_in_the_readers_language(db, settings) -> None:
    settings.ORIGIN = "https://balai.example"
    agency = make_agency(name="Dinas Perhubungan")
    for language in ("id", "en"):
        follow(by=make_user(f"{language}@contoh.id", language=language), thread=THREAD)

    happen(by=make_user(name="Sulastri"), organisation=agency.pk, role="officer")
    deliver()
    indonesian, english = Mail.objects.order_by("-to")

    assert indonesian.subject == "Dinas Perhubungan Simpan: Halte 1"
    assert english.subject == "Dinas Perhubungan Save: Stop 1"
    assert "https://balai.example/coba/1/\n" in indonesian.body
    assert "https://balai.example/en/coba/1/\n" in english.body
    assert "Sulastri" not in indonesian.body + english.body


def test_sentences_name_the_hub_and_citizens_but_no_person(db, in_english) -> None:
    entries = [happen(), happen(by=make_user(name="Sulastri"), role="citizen")]

    assert [str(s) for s in sentences(entries).values()] == ["The hub Save: Stop 1", "A citizen Save: Stop 1"]


@pytest.mark.parametrize(
    ("pace", "now", "due"),
    [
        ("daily", datetime(2026, 8, 19, 8, 0), datetime(2026, 8, 19, 7, 0)),
        ("daily", datetime(2026, 8, 19, 6, 0), datetime(2026, 8, 18, 7, 0)),
        ("weekly", datetime(2026, 8, 19, 8, 0), datetime(2026, 8, 17, 7, 0)),
        ("weekly", datetime(2026, 8, 17, 6, 59), datetime(2026, 8, 10, 7, 0)),
    ],
)
def test_digests_are_due_at_seven_in_jakarta(pace: str, now: datetime, due: datetime) -> None:
    assert last_digest_time(pace, now.replace(tzinfo=JAKARTA)) == due.replace(tzinfo=JAKARTA)


def wait_for_digest(*, days: int = 2) -> None:
    Notification.objects.update(at=timezone.now() - timedelta(days=days))


def test_a_digest_is_one_mail_with_what_was_not_read_and_is_sent_once(db) -> None:
    person = make_user(language="en")
    follow(by=person, thread=THREAD)
    for _ in range(3):
        happen("trial.need")
    deliver()
    wait_for_digest()
    first = Notification.objects.order_by("pk")[0]
    mark_read(by=person, upto=first.pk)

    assert (send_digests("daily"), send_digests("daily")) == (1, 0)
    mail = Mail.objects.get()
    assert (mail.subject, mail.body.count("The hub Save: Stop 1.")) == ("2 pieces of news from Balai", 2)
    assert Notification.objects.filter(digest="").count() == 3


def test_what_happened_after_seven_waits_for_the_next_digest(db) -> None:
    follow(by=make_user(), thread=THREAD)
    happen("trial.need")
    deliver()
    Notification.objects.update(at=timezone.now() + timedelta(minutes=1))

    assert send_digests("daily") == 0
    assert Notification.objects.filter(digest="daily").count() == 1


def make_mail(**extra) -> Mail:
    letter = compose(to="a@contoh.id", subject="Halo", body="Isi")
    for name, value in extra.items():
        setattr(letter, name, value)
    letter.save()
    return letter


def test_what_is_due_goes_out_once(db) -> None:
    make_mail()
    make_mail(due_at=timezone.now() + timedelta(hours=1))

    assert (send_due(), send_due()) == (1, 0)
    assert [(m.subject, m.to) for m in django_mail.outbox] == [("Halo", ["a@contoh.id"])]


def test_a_mail_claimed_by_a_process_that_died_is_taken_up_again(db) -> None:
    make_mail(claimed_at=timezone.now() - timedelta(seconds=30), attempts=1)

    assert send_due() == 0
    Mail.objects.update(claimed_at=timezone.now() - LONGEST_CLAIM - timedelta(seconds=1))
    assert send_due() == 1


def test_a_refused_mail_waits_longer_each_time_and_is_given_up_with_its_fault(db, settings) -> None:
    settings.MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "127.0.0.1", "port": 1, "timeout": 1},
        }
    }
    letter = make_mail()
    waits = []
    for _ in range(MOST_ATTEMPTS):
        before = timezone.now()
        send_due()
        letter.refresh_from_db()
        waits.append(round((letter.due_at - before).total_seconds() / 60))
        Mail.objects.update(due_at=timezone.now())

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128]
    assert send_due() == 0
    letter.refresh_from_db()
    assert (letter.attempts, letter.sent_at) == (MOST_ATTEMPTS, None)
    assert letter.fault == "ConnectionRefusedError: [Errno 111] Connection refused"
    assert list(given_up()) == [letter]


def test_a_title_cannot_write_headers_of_its_own() -> None:
    letter = compose(to="a@contoh.id", subject="Halte\r\nBcc: x@y.z\x00", body="")

    assert letter.subject == "Halte Bcc: x@y.z"


def test_long_subjects_are_cut_to_the_columns_length() -> None:
    assert len(one_line("a" * 500)) == 200


def test_following_twice_is_following_once(db) -> None:
    person = make_user()

    follow(by=person, thread=THREAD)
    follow(by=person, thread=THREAD)

    assert Follow.objects.count() == 1


def in_threads(count: int, work) -> list[int]:
    """What each of ``count`` simultaneous calls returned."""
    start = Barrier(count)

    def run() -> int:
        start.wait()
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(run) for _ in range(count)]]


@pytest.mark.django_db(transaction=True)
def test_workers_that_deliver_at_once_tell_everybody_once() -> None:
    for _ in range(3):
        follow(by=make_user(), thread=THREAD)
    for _ in range(5):
        happen()

    read = in_threads(4, deliver)

    assert sum(read) == 5
    assert (Notification.objects.count(), Mail.objects.count()) == (15, 15)


@pytest.mark.django_db(transaction=True)
def test_workers_that_send_at_once_send_each_mail_once() -> None:
    for number in range(6):
        make_mail(subject=str(number))

    sent = in_threads(3, send_due)

    assert sum(sent) == 6
    assert sorted(m.subject for m in django_mail.outbox) == list("012345")
