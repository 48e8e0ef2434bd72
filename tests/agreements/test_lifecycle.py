import datetime as dt
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from balai.agreements import ending, reminding
from balai.agreements.actions import (
    approve_version,
    decline,
    open_signing,
    propose_version,
    set_signatory,
    sign,
)
from balai.agreements.addenda import consolidated
from balai.agreements.amending import draft_addendum
from balai.agreements.clock import today_in
from balai.agreements.completion import seal
from balai.agreements.models import Agreement, AgreementState, Handover, Termination, TermMark
from balai.agreements.overrun import overrun
from balai.agreements.term import term_of
from balai.collaborations.actions import unmet
from balai.collaborations.models import Collaboration
from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Entry, Notification
from balai.core.notifications import choose_pace, deliver
from balai.observations.models import Dataset
from balai.people.models import User
from balai.portal.inbox.sources import waiting_for
from tests.agreements_builders import Cast, make_agreement, make_cast, sha_of
from tests.builders import client_of, make_bureau, make_city, make_founder, make_user
from tests.lifecycle_builders import make_addendum, make_paper, make_sealed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]

DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def sealer(settings):
    settings.DEMO, settings.SEAL_KEY = True, ""


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def entries(agreement: Agreement, verb: str) -> list[dict]:
    rows = Entry.objects.filter(subject=agreement.subject, verb=f"agreement.{verb}").order_by("seq")
    return [entry.facts for entry in rows]


def fresh(agreement: Agreement) -> Agreement:
    return Agreement.objects.get(pk=agreement.pk)


def at(day: dt.date, hour: int = 12) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time(hour)))


# The term.


@pytest.mark.parametrize(
    ("state", "starts", "ends", "code", "days"),
    [
        ("sealed", -10, None, "force", None),
        ("sealed", -10, 200, "force", 200),
        ("sealed", -10, 90, "ending", 90),
        ("sealed", -10, 0, "ending", 0),
        ("sealed", -10, -1, "lapsed", -1),
        ("sealed", 1, 200, "begins", 200),
        ("ended", -10, -1, "ended", None),
        ("declined", -10, 9, "declined", None),
        ("signing", -10, 9, "coming", None),
    ],
)
def test_term_of_a_day(state, starts, ends, code, days) -> None:
    today = dt.date(2026, 3, 1)
    agreement = Agreement(
        city_id="31",
        state=state,
        starts_on=today + starts * DAY,
        ends_on=None if ends is None else today + ends * DAY,
    )

    term = term_of(agreement, today)

    assert (term.code, term.days) == (code, days)


@pytest.mark.parametrize(("city", "day"), [("31", 1), ("5171", 2), ("9471", 2), ("3578", 1), ("7371", 2)])
def test_the_day_is_the_citys_own(city: str, day: int) -> None:
    late = dt.datetime(2026, 3, 1, 16, 30, tzinfo=dt.UTC)  # 23.30 in Jakarta, after midnight further east

    assert today_in(city, late) == dt.date(2026, 3, day)


# The end of the term, and reminders.

WAKES = st.lists(st.integers(min_value=-130, max_value=20), min_size=1, max_size=12)


@given(
    wakes=WAKES,
    since=st.integers(min_value=-130, max_value=-1),
    again=st.lists(st.booleans(), min_size=12, max_size=12),
)
@example(wakes=[5], since=-120, again=[True] * 12)
@example(wakes=[-90, -89, -60, -30, -7, 0], since=-120, again=[True] * 12)
def test_every_mark_once_however_the_worker_wakes(wakes, since, again) -> None:
    end = dt.date(2026, 6, 30)
    known = end + since * DAY
    told: list[int] = []

    for wake, twice in zip(sorted(max(w, since) for w in wakes), again, strict=False):
        for _time in range(1 + twice):
            due = reminding.due_marks(ends_on=end, since=known, today=end + wake * DAY, told=told)
            assert all(-days <= wake for days in due)
            told += due

    last = max(max(w, since) for w in wakes)
    assert sorted(told) == sorted(days for days in reminding.MARKS if since <= -days <= last)


def test_worker_that_slept_tells_all_marks_in_one_notice_and_never_twice(cast: Cast) -> None:
    today = timezone.localdate()
    agreement = make_sealed(cast, ends_on=today + 200 * DAY)
    end = agreement.ends_on

    wakes = (95, 90, 90, 40, 40, 7, 0, 0)
    told = [reminding.watch(at(end - days * DAY))["told"] for days in wakes]

    assert told == [0, 1, 0, 1, 0, 1, 1, 0]
    marks = [(entry["marks"], entry["days_left"]) for entry in entries(agreement, "ending")]
    assert marks == [([90], 90), ([60], 40), ([30, 7], 7), ([0], 0)]
    assert TermMark.objects.filter(agreement=agreement).count() == len(reminding.MARKS)


def test_slept_over_the_end_the_end_itself_tells_what_was_missed(cast: Cast) -> None:
    agreement = make_sealed(cast, ends_on=timezone.localdate() + 100 * DAY)
    late = at(agreement.ends_on + 9 * DAY)

    first, second = reminding.watch(late), reminding.watch(late)

    assert (first, second) == ({"told": 0, "ended": 1}, {"told": 0, "ended": 0})
    assert (fresh(agreement).state, fresh(agreement).ended_on) == (AgreementState.ENDED, agreement.ends_on)
    (said,) = entries(agreement, "ended")
    assert (said["reason"], said["last_day"]) == ("term", agreement.ends_on.isoformat())
    assert said["marks"] == sorted(m.days for m in agreement.marks.all())[::-1] == [90, 60, 30, 7, 0]
    assert entries(agreement, "ending") == []


def test_last_day_is_still_in_force(cast: Cast) -> None:
    agreement = make_sealed(cast, ends_on=timezone.localdate() + 10 * DAY)

    reminding.watch(at(agreement.ends_on, 23))
    assert fresh(agreement).state == AgreementState.SEALED

    reminding.watch(at(agreement.ends_on + DAY, 0))
    assert fresh(agreement).state == AgreementState.ENDED


def test_marks_before_the_seal_are_no_reminders(cast: Cast) -> None:
    agreement = make_sealed(cast, ends_on=timezone.localdate() + 45 * DAY)

    assert reminding.watch() == {"told": 0, "ended": 0}
    reminding.watch(at(agreement.ends_on - 30 * DAY))

    assert [entry["marks"] for entry in entries(agreement, "ending")] == [[30]]


def test_partner_agency_and_bureau_are_told_as_they_prefer(cast: Cast) -> None:
    agreement = make_sealed(cast, ends_on=timezone.localdate() + 100 * DAY)
    choose_pace(by=cast.officer, kind="reminder", channel="hub", pace="never")
    choose_pace(by=cast.officer, kind="reminder", channel="mail", pace="never")
    outsider, other = make_user(), make_founder()
    while deliver():
        pass

    reminding.watch(at(agreement.ends_on - 90 * DAY))
    while deliver():
        pass

    told = set(Notification.objects.filter(verb="agreement.ending").values_list("user", flat=True).distinct())
    assert {cast.founder.pk, cast.bureau.pk} <= told
    assert not told & {cast.officer.pk, outsider.pk, other.pk}


def test_bureau_hears_of_an_agreement_it_recorded_from_paper(cast: Cast) -> None:
    record = make_paper(cast.city, cast.agency, cast.bureau, ends_on=timezone.localdate() + 100 * DAY)

    reminding.watch(at(record.ends_on - 90 * DAY))
    while deliver():
        pass

    told = Notification.objects.filter(verb="agreement.ending").values_list("user", flat=True)
    assert cast.bureau.pk in told


def test_documented_history_is_neither_reminded_of_nor_ended(cast: Cast) -> None:
    agreement = make_sealed(cast, ends_on=timezone.localdate() + 3 * DAY)
    Agreement.objects.filter(pk=agreement.pk).update(documented=True)

    reminding.watch(at(agreement.ends_on + 30 * DAY))

    assert fresh(agreement).state == AgreementState.SEALED
    assert entries(agreement, "ending") == []


# Addenda.


def test_addendum_extends_the_term_and_leaves_the_sealed_document(cast: Cast) -> None:
    agreement = make_sealed(cast, ends_on=timezone.localdate() + 60 * DAY)
    before = (agreement.sealed_document_id, agreement.versions.first().fingerprint)
    longer = agreement.ends_on + 90 * DAY

    addendum = make_addendum(cast, agreement, upto="sealed", ends_on=longer)

    assert addendum.state == AgreementState.SEALED
    assert fresh(agreement).ends_on == longer
    assert (fresh(agreement).sealed_document_id, agreement.versions.first().fingerprint) == before
    (said,) = entries(agreement, "amended")
    assert (said["number"], said["ends_on"]) == (1, longer.isoformat())
    now = consolidated(fresh(agreement))
    assert (now.terms.ends_on, now.changed["ends_on"], now.changed["term"]) == (longer, 1, 1)


def test_addendum_starts_its_own_reminders(cast: Cast) -> None:
    agreement = make_sealed(cast, ends_on=timezone.localdate() + 20 * DAY)
    make_addendum(cast, agreement, upto="sealed", ends_on=agreement.ends_on + 130 * DAY)
    end = fresh(agreement).ends_on

    reminding.watch(at(end - 90 * DAY))

    assert [(e["ends_on"], e["marks"]) for e in entries(agreement, "ending")] == [(end.isoformat(), [90])]
    assert fresh(agreement).state == AgreementState.SEALED


def test_changed_article_is_read_with_the_rest_unchanged(cast: Cast) -> None:
    agreement = make_sealed(cast)
    addendum = make_addendum(cast, agreement, articles=["dispute"])
    propose_version(
        agreement=addendum,
        changes={"clauses": {"dispute": {"id": "Diselesaikan arbiter.", "en": "An arbiter settles it."}}},
        by=cast.founder,
    )
    before = {c.key: c.text for c in consolidated(agreement).terms.clauses}
    finish(cast, addendum)

    now = consolidated(fresh(agreement))

    after = {c.key: c.text for c in now.terms.clauses}
    assert {key for key in after if after[key] != before[key]} == {"dispute"}
    assert after["dispute"][0].id == "Diselesaikan arbiter."
    assert now.changed == {"dispute": 1}
    assert list(after) == list(before)


def finish(cast: Cast, addendum: Agreement) -> None:
    """Approve, open, sign and seal an addendum as it stands."""
    from balai.agreements.actions import approve_version, set_signatory

    for place, by in ((1, cast.officer), (2, cast.founder)):
        party = addendum.parties.get(place=place)
        set_signatory(party=party, name=party.signatory_name, title="Kepala", mandate="SK 9", by=by)
    for by in (cast.officer, cast.founder):
        latest = addendum.versions.first()
        approve_version(version=latest, by=by, seen_sha256=latest.document.sha256)
    open_signing(agreement=addendum, by=cast.officer)
    for by in (cast.city_signatory, cast.partner_signatory):
        sign(agreement=addendum, by=by, seen_sha256=sha_of(addendum), consent=True)
    seal(agreement_id=addendum.pk)


def test_second_addendum_counts_on_from_the_first(cast: Cast) -> None:
    agreement = make_sealed(cast, ends_on=timezone.localdate() + 60 * DAY)
    make_addendum(cast, agreement, upto="sealed", ends_on=agreement.ends_on + 30 * DAY)
    second = make_addendum(cast, fresh(agreement), upto="sealed", ends_on=agreement.ends_on + 60 * DAY)

    now = consolidated(fresh(agreement))

    assert (second.addendum_number, fresh(agreement).ends_on) == (2, agreement.ends_on + 60 * DAY)
    assert [a.addendum_number for a in now.addenda] == [1, 2]
    assert now.changed["ends_on"] == 2


def test_declined_addendum_gives_its_number_back(cast: Cast) -> None:
    agreement = make_sealed(cast)
    first = make_addendum(cast, agreement, articles=["dispute"])
    decline(agreement=first, by=cast.founder, reason="Tidak perlu.")

    again = make_addendum(cast, agreement, articles=["dispute"])

    assert (first.addendum_number, again.addendum_number) == (1, 1)


def test_one_addendum_at_a_time_by_the_door_and_by_the_database(cast: Cast) -> None:
    agreement = make_sealed(cast)
    first = make_addendum(cast, agreement, articles=["dispute"])

    with pytest.raises(Stale):
        make_addendum(cast, agreement, articles=["scope"])
    with pytest.raises(IntegrityError), transaction.atomic():
        Agreement.objects.create(
            city=cast.city, kind="add", amends=agreement, addendum_number=2, title="Lain", state="drafting"
        )
    assert list(agreement.addenda.all()) == [first]


def test_only_parties_amend_and_only_what_is_in_force(cast: Cast) -> None:
    agreement = make_sealed(cast, ends_on=timezone.localdate() + 5 * DAY)

    for user in (make_user(), make_founder(), make_bureau(make_city("3578"))):
        with pytest.raises(Refused):
            draft_addendum(agreement=agreement, by=user, reason="Ya", articles=["dispute"])
    Agreement.objects.filter(pk=agreement.pk).update(ends_on=timezone.localdate() - DAY)
    with pytest.raises(Refused, match="The term of the agreement ended"):
        draft_addendum(agreement=agreement, by=cast.officer, reason="Ya", articles=["dispute"])
    reminding.watch()
    with pytest.raises(Refused, match="The agreement ended on"):
        draft_addendum(agreement=agreement, by=cast.officer, reason="Ya", articles=["dispute"])
    drafted = make_agreement(make_cast())
    with pytest.raises(Refused):
        draft_addendum(agreement=drafted, by=cast.officer, reason="Ya", articles=["dispute"])


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"articles": ["dispute"], "reason": " "}, "reason"),
        ({"articles": []}, "articles"),
        ({"articles": ["nonsense"]}, "articles"),
        ({"schedules": ["parties"]}, "articles"),
        ({"ends_on": dt.date(2000, 1, 1)}, "ends_on"),
        ({"ends_on": dt.date(2099, 1, 1)}, "ends_on"),
    ],
)
def test_addendum_that_cannot_be_says_which_field(cast: Cast, facts, field) -> None:
    agreement = make_sealed(cast)

    with pytest.raises(Invalid) as fault:
        draft_addendum(agreement=agreement, by=cast.officer, **({"reason": "Perlu."} | facts))

    assert list(fault.value.fields) == [field]


def test_end_put_off_in_negotiation_needs_its_article_and_the_schemes_limit(cast: Cast) -> None:
    agreement = make_sealed(cast)
    addendum = make_addendum(cast, agreement, upto="approved", articles=["dispute"])
    for ends_on, why in ((agreement.ends_on + DAY, "no article says so"), (dt.date(2099, 1, 1), "")):
        propose_version(agreement=addendum, changes={"ends_on": ends_on.isoformat()}, by=cast.founder)
        approve_all(cast, addendum)
        with pytest.raises(Refused, match=why or "article"):
            open_signing(agreement=addendum, by=cast.officer)


def approve_all(cast: Cast, addendum: Agreement) -> None:
    from balai.agreements.actions import approve_version

    for by in (cast.officer, cast.founder):
        latest = addendum.versions.first()
        approve_version(version=latest, by=by, seen_sha256=latest.document.sha256)


def test_nobody_signs_an_addendum_after_the_end(cast: Cast) -> None:
    agreement = make_sealed(cast)
    addendum = make_addendum(cast, agreement, upto="open", ends_on=agreement.ends_on + DAY)
    Agreement.objects.filter(pk=agreement.pk).update(ends_on=timezone.localdate() - DAY)

    with pytest.raises(Refused, match="The term of the agreement ended"):
        sign(agreement=addendum, by=cast.city_signatory, seen_sha256=sha_of(addendum), consent=True)

    reminding.watch()
    assert (fresh(agreement).state, fresh(addendum).state) == ("ended", "ended")
    assert fresh(addendum).ended_on is None


def test_fully_signed_addendum_is_sealed_before_the_term_is_asked(cast: Cast) -> None:
    today = timezone.localdate()
    agreement = make_sealed(cast, ends_on=today + 2 * DAY)
    addendum = make_addendum(cast, agreement, upto="signed", ends_on=today + 50 * DAY)

    reminding.watch(at(today + 3 * DAY))
    assert fresh(agreement).state == AgreementState.SEALED

    seal(agreement_id=addendum.pk)
    reminding.watch(at(today + 3 * DAY))
    assert (fresh(agreement).state, fresh(agreement).ends_on) == (AgreementState.SEALED, today + 50 * DAY)


# Termination.


def test_both_sides_end_it_on_one_text(cast: Cast) -> None:
    today = timezone.localdate()
    agreement = make_sealed(cast)
    proposed = ending.propose_ending(
        agreement=agreement, by=cast.founder, text="Tujuan tercapai.", effective_on=today + 5 * DAY
    )
    assert entries(agreement, "end_proposed")[0]["sha256"] == proposed.sha256

    with pytest.raises(Refused, match="Your side has agreed already"):
        ending.agree_ending(termination=proposed, by=cast.founder, seen_sha256=proposed.sha256)
    with pytest.raises(Stale):
        ending.agree_ending(termination=proposed, by=cast.officer, seen_sha256="0" * 64)
    ending.agree_ending(termination=proposed, by=cast.officer, seen_sha256=proposed.sha256)

    reminding.watch(at(today + 5 * DAY))
    assert fresh(agreement).state == AgreementState.SEALED
    reminding.watch(at(today + 6 * DAY))
    assert (fresh(agreement).state, fresh(agreement).ended_on) == ("ended", today + 5 * DAY)
    assert Termination.objects.get().state == "done"
    (said,) = entries(agreement, "ended")
    assert (said["reason"], said["sha256"]) == ("consent", proposed.sha256)
    assert entries(agreement, "end_agreed")[0]["text"] == "Tujuan tercapai."


def test_notice_keeps_the_days_the_agreement_asks_for(cast: Cast) -> None:
    today = timezone.localdate()
    agreement = make_sealed(cast)
    with pytest.raises(Invalid) as fault:
        ending.give_notice(agreement=agreement, by=cast.officer, text="Lalai.", effective_on=today + 29 * DAY)
    assert "30 days of notice" in str(fault.value.fields["effective_on"][0])

    given = ending.give_notice(
        agreement=agreement, by=cast.officer, text="Lalai.", effective_on=today + 30 * DAY
    )

    assert (given.state, given.notice_days) == ("set", 30)
    (said,) = entries(agreement, "end_notified")
    assert (said["text"], said["notice_days"]) == ("Lalai.", 30)
    with pytest.raises(Refused, match="settled that this agreement ends"):
        make_addendum(cast, agreement, articles=["dispute"])


def test_exit_duties_are_listed_and_done_once(cast: Cast) -> None:
    today = timezone.localdate()
    agreement = make_sealed(cast, ends_on=today + 1 * DAY)
    rules = [rule.id for rule in agreement.versions.first().reading.exit]
    reminding.watch(at(today + 2 * DAY))

    duties = list(Handover.objects.filter(agreement=agreement))

    assert [duty.text for duty in duties] == rules
    assert {duty.due_on for duty in duties} == {agreement.ends_on + 30 * DAY}
    ending.hand_over(duty=duties[0], by=cast.founder)
    for by in (cast.officer, make_user()):
        with pytest.raises(Refused):
            ending.hand_over(duty=Handover.objects.get(pk=duties[0].pk), by=by)
    with pytest.raises(Stale):
        ending.hand_over(duty=as_seen_before(duties[0]), by=cast.officer)


def as_seen_before(duty: Handover) -> Handover:
    """The duty as a person who opened the page earlier still sees it."""
    seen = Handover.objects.select_related("agreement").get(pk=duty.pk)
    seen.done_at = None
    return seen


@pytest.mark.parametrize("act", ["refuse", "withdraw"])
def test_refused_or_withdrawn_the_agreement_goes_on(cast: Cast, act: str) -> None:
    agreement = make_sealed(cast)
    day = timezone.localdate() + 5 * DAY
    proposed = ending.propose_ending(agreement=agreement, by=cast.founder, text="Ya.", effective_on=day)

    if act == "refuse":
        ending.refuse_ending(termination=proposed, by=cast.officer)
    else:
        ending.withdraw_ending(termination=proposed, by=cast.founder)
    reminding.watch(at(day + DAY))

    assert fresh(agreement).state == AgreementState.SEALED
    again = ending.propose_ending(agreement=agreement, by=cast.officer, text="Lagi.", effective_on=day)
    assert again.state == "proposed"


def test_what_both_agreed_one_cannot_take_back(cast: Cast) -> None:
    agreement = make_sealed(cast)
    day = timezone.localdate() + 5 * DAY
    proposed = ending.propose_ending(agreement=agreement, by=cast.founder, text="Ya.", effective_on=day)
    with pytest.raises(Stale):
        ending.propose_ending(agreement=agreement, by=cast.officer, text="Lain.", effective_on=day)
    settled = ending.agree_ending(termination=proposed, by=cast.officer, seen_sha256=proposed.sha256)

    for by in (cast.founder, cast.officer):
        with pytest.raises(Refused):
            ending.withdraw_ending(termination=settled, by=by)


def test_strangers_end_nothing(cast: Cast) -> None:
    agreement = make_sealed(cast)
    day = timezone.localdate() + 60 * DAY

    for user in (make_user(), make_founder(), make_bureau(make_city("3578"))):
        for door in (ending.propose_ending, ending.give_notice):
            with pytest.raises(Refused):
                door(agreement=agreement, by=user, text="Selesai.", effective_on=day)


@pytest.mark.parametrize(
    ("text", "days"),
    [("30 (tiga puluh) hari", 30), ("2 (dua) bulan", 60), ("1 (satu) minggu", 7), ("segera", 30), ("", 30)],
)
def test_days_of_notice_are_read_from_the_agreement(text: str, days: int) -> None:
    terms = SimpleNamespace(variables={"termination_notice": SimpleNamespace(id=text)})

    assert ending.notice_days(terms) == days


def test_days_of_notice_without_the_blank() -> None:
    assert ending.notice_days(SimpleNamespace(variables={}, clauses=())) == 30


def longer(agreement: Agreement, by: User, words: dict[str, str] | None = None) -> None:
    """Ask for 90 days of notice: in the blank, or in words written where the blank was."""
    if words is None:
        value = {"id": "90 (sembilan puluh) hari", "en": "90 (ninety) days"}
        propose_version(agreement=agreement, changes={"variables": {"termination_notice": value}}, by=by)
    else:
        propose_version(agreement=agreement, changes={"clauses": {"ending": words}}, by=by)


def earliest(agreement: Agreement, by: User) -> str:
    with pytest.raises(Invalid) as fault:
        ending.give_notice(
            agreement=agreement, by=by, text="Lalai.", effective_on=timezone.localdate() + 31 * DAY
        )
    return str(fault.value.fields["effective_on"][0])


def test_notice_keeps_the_days_an_addendum_changed(cast: Cast) -> None:
    agreement = make_sealed(cast, ends_on=timezone.localdate() + 300 * DAY)
    addendum = make_addendum(cast, agreement, articles=("ending",))
    longer(addendum, cast.officer)
    for place, by in ((1, cast.officer), (2, cast.founder)):
        party = addendum.parties.get(place=place)
        set_signatory(party=party, name=party.signatory_name, title="Kepala", mandate="SK 9", by=by)
    for by in (cast.officer, cast.founder):
        approve_version(version=addendum.versions.first(), by=by, seen_sha256=sha_of(addendum))
    open_signing(agreement=addendum, by=cast.officer)
    for by in (cast.city_signatory, cast.partner_signatory):
        sign(agreement=addendum, by=by, seen_sha256=sha_of(addendum), consent=True)
    seal(agreement_id=addendum.pk)

    assert "90 days of notice" in earliest(agreement, cast.officer)


def test_notice_keeps_the_days_written_where_the_blank_was(cast: Cast) -> None:
    drafted = make_agreement(cast)
    text = "Pengakhiran sepihak diberitahukan 90 (sembilan puluh) hari sebelumnya, setelah 14 hari teguran."
    longer(drafted, cast.officer, {"id": text, "en": ""})

    assert ending.notice_days(consolidated(drafted).terms) == 90


# What it means for the pilot.


def test_nothing_starts_or_resumes_without_an_agreement_in_force(cast: Cast) -> None:
    def refusals() -> list[str]:
        return unmet(cast.collaboration, ("agreement.in_force",))

    assert refusals() == ["There is no agreement, so nothing is in force."]
    agreement = make_sealed(cast, ends_on=timezone.localdate() + 5 * DAY)
    assert refusals() == []
    Agreement.objects.filter(pk=agreement.pk).update(starts_on=timezone.localdate() + DAY)
    assert "begins on" in refusals()[0]
    Agreement.objects.filter(pk=agreement.pk).update(
        starts_on=timezone.localdate() - 9 * DAY, ends_on=timezone.localdate() - DAY
    )
    assert "The term of the agreement ended on" in refusals()[0]
    reminding.watch()
    assert "The agreement ended on" in refusals()[0]


@pytest.mark.parametrize("scheme", ["playground", "co-develop", "user"])
def test_every_scheme_asks_for_an_agreement_in_force(scheme: str) -> None:
    moves = make_cast(scheme=scheme).collaboration.scheme.moves
    asked = {move.key for move in moves if "agreement.in_force" in move.guards}

    assert asked == {"start", "resume"}


@pytest.mark.parametrize("rows", [1, 3])
def test_what_runs_without_an_agreement_waits_for_those_who_can_stop_it(rows: int) -> None:
    casts = [make_cast() for _ in range(rows)]
    for cast in casts:
        agreement = make_sealed(cast, ends_on=timezone.localdate() - DAY)
        Collaboration.objects.filter(pk=cast.collaboration.pk).update(stage="running")
    quiet = make_cast()
    make_sealed(quiet, ends_on=timezone.localdate())
    Collaboration.objects.filter(pk=quiet.collaboration.pk).update(stage="running")

    before = list(overrun(Collaboration.objects.all()))
    reminding.watch()
    with CaptureQueriesContext(connection) as captured:
        after = list(overrun(Collaboration.objects.all()))

    assert {row.pk for row in before} == {row.pk for row in after} == {c.collaboration.pk for c in casts}
    assert {row.over_since for row in after} == {agreement.ends_on}
    assert len(captured) == 1
    for user, seen in ((casts[0].officer, 1), (casts[0].bureau, rows), (casts[0].founder, 0)):
        items = [item for item in waiting_for(user) if item.label == "No agreement in force"]
        assert len(items) == seen
    page = client_of(None).get(f"/en/kolaborasi/{casts[0].collaboration.reference}/").content.decode()
    assert "Without one it must not run" in page
    page = client_of(None).get(f"/en/kolaborasi/{quiet.collaboration.reference}/").content.decode()
    assert "Without one it must not run" not in page


def test_who_has_to_answer_an_ending_or_sign_an_addendum_finds_it_in_the_inbox(cast: Cast) -> None:
    agreement = make_sealed(cast)
    make_addendum(cast, agreement, upto="open", articles=["dispute"])
    day = timezone.localdate() + 9 * DAY
    ending.propose_ending(agreement=agreement, by=cast.founder, text="Selesai.", effective_on=day)

    def waiting(user) -> list[str]:
        words = ("Read it and sign", "proposes to end it")
        return [word for word in words for item in waiting_for(user) if word in str(item.why)]

    assert waiting(cast.officer) == ["proposes to end it"]
    assert waiting(cast.city_signatory) == ["Read it and sign", "proposes to end it"]
    assert waiting(cast.founder) == ["Read it and sign"]
    assert waiting(make_founder()) == []


def test_addendum_names_what_it_amends_and_is_typeset_whole(cast: Cast) -> None:
    agreement = make_sealed(cast)
    addendum = make_addendum(cast, agreement, articles=["dispute"], schedules=["exit"])

    terms = addendum.versions.get().reading

    basis = terms.clauses[0].text[0].id
    assert agreement.sealed_document.sha256 in basis.replace(" ", "")
    assert max(len(word) for word in basis.split()) <= 40
    assert terms.clauses[1].heading.id == "Perubahan Pasal 14: Penyelesaian perselisihan"
    assert terms.exit == agreement.versions.first().reading.exit
    assert (terms.flows, terms.sites, terms.missing()) == ((), (), [])
    assert [party.mandate for party in terms.parties] == ["", ""]


def test_the_seal_does_not_take_back_that_a_dataset_is_personal(cast: Cast) -> None:
    dataset = Dataset.objects.create(
        partner=cast.company, city=cast.city, name="Perjalanan", direction="to_city"
    )
    agreement = make_agreement(cast, upto="signed")
    Dataset.objects.filter(pk=dataset.pk).update(personal=True)

    seal(agreement_id=agreement.pk)

    assert agreement.datasets.get().personal
