"""The legal path of one cooperation: what is settled, by whom, under which rule; clocks, and who is told."""

import datetime as dt
from io import BytesIO
from types import SimpleNamespace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from balai.agreements import discussion as talks
from balai.agreements.actions import draft_memorandum
from balai.agreements.legal import (
    answer_council,
    file_approval,
    file_paper,
    settle_step,
    withdraw_approval,
    withdraw_record,
)
from balai.agreements.legal_standing import clock_of, described, standing_of
from balai.agreements.legal_told import remind, watch_legal_clocks
from balai.agreements.models import Discussion, LegalCase, LegalPaper, LegalReminder, Opinion, StepRecord
from balai.applications.models import Application, Decision
from balai.core import notifications
from balai.core.documents import open_document
from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Entry, Notification
from balai.core.schedule import add_working_days, working_days_between
from balai.people.models import Role
from tests.agreements_builders import Cast, answer_no, make_agreement, make_cast
from tests.builders import client_of, make_agency, make_auditor, make_tkksd, make_user, seat
from tests.stories import make_pdf

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]

TODAY = dt.date(2026, 3, 2)


def accepted(*, scheme: str = "playground", on: dt.date | None = None) -> Cast:
    """A cast whose application was accepted, today or on a day in the past."""
    cast = make_cast(scheme=scheme)
    at = timezone.now() if on is None else dt.datetime.combine(on, dt.time(3), dt.UTC)
    application = Application.objects.get(collaboration=cast.collaboration)
    Decision.objects.create(
        application=application, accepted=True, grounds="Ya.", by=cast.bureau.pseudonym, at=at
    )
    type(cast.collaboration).objects.filter(pk=cast.collaboration.pk).update(submitted_at=at)
    cast.collaboration.refresh_from_db()
    return cast


def states(cast: Cast) -> dict[str, str]:
    return {row.step.key: row.state for row in standing_of(cast.collaboration).steps}


def talk_of(cast: Cast) -> tuple[Discussion, list]:
    """A discussion with a chair and a member."""
    people = [make_tkksd(cast.city, name=f"Anggota {n}") for n in (1, 2)]
    made = talks.request_discussion(
        subject=cast.collaboration, members=people[1:], chair=people[0], by=cast.bureau
    )
    return made, people


def paper(**extra) -> dict:
    return {"file": BytesIO(make_pdf("bukti")), "name": "bukti.pdf"} | extra


def test_before_the_decision_only_what_came_with_the_application_is_there() -> None:
    cast = make_cast()

    found = states(cast)

    assert found.pop("offer") == "done"
    assert found.pop("feasibility", None) is None  # not asked for in Playground
    assert set(found.values()) == {"coming"}


def test_decision_opens_the_desks_and_their_clocks() -> None:
    cast = accepted(on=TODAY)

    now = standing_of(cast.collaboration, today=add_working_days(TODAY, 7))

    waiting = {r.step.key: (r.desk, r.since, r.clock.days, r.clock.left) for r in now.open}
    assert waiting == {
        "preparation": ("agency", TODAY, 7, -2),
        "council": ("bureau", TODAY, 7, -2),
        "discussion": ("bureau", TODAY, 7, 3),
        "mou": ("bureau", TODAY, 7, 8),
        "draft": ("bureau", TODAY, 7, 8),
    }
    assert [row.step.key for row in now.open][:2] == ["preparation", "council"]


def test_records_of_the_hub_settle_what_nobody_enters() -> None:
    cast = accepted(scheme="user")
    make_agreement(cast, upto="signed")

    assert states(cast) == {
        "preparation": "missing",
        "offer": "done",
        "feasibility": "missing",
        "discussion": "missing",
        "mou": "missing",
        "council": "done",
        "draft": "done",
        "numbering": "missing",
        "signing": "done",
        "check": "open",
        "execution": "open",
        "administration": "open",
        "reporting": "coming",
    }


def test_step_is_done_by_its_desk_with_its_papers_and_checks() -> None:
    cast = accepted(scheme="user")
    make_agreement(cast, upto="signed")
    subject = cast.collaboration

    with pytest.raises(Refused, match="Only the desk"):
        settle_step(subject=subject, step="check", state="done", by=cast.founder)
    with pytest.raises(Invalid) as missing:
        settle_step(subject=subject, step="check", state="done", by=cast.bureau, checks=["stamp", "seal"])
    record = settle_step(
        subject=subject, step="check", state="done", by=cast.bureau, checks=["initials", "stamp", "seal"]
    )

    assert "initials" in str(missing.value.fields["checks"][0])
    assert (states(cast)["check"], record.role) == ("done", "bureau")
    with pytest.raises(Stale):
        settle_step(subject=subject, step="check", state="done", by=cast.bureau)


def test_required_paper_comes_before_done() -> None:
    cast = accepted(scheme="user")
    subject = cast.collaboration

    with pytest.raises(Refused, match="Feasibility study"):
        settle_step(subject=subject, step="feasibility", state="done", by=cast.officer)
    file_paper(subject=subject, step="feasibility", kind="study", by=cast.founder, **paper(number="7/2026"))
    settle_step(subject=subject, step="feasibility", state="done", by=cast.officer)

    assert states(cast)["feasibility"] == "done"


def test_later_step_waits_for_the_earlier() -> None:
    cast = accepted()

    with pytest.raises(Refused, match="comes after: Signing"):
        settle_step(subject=cast.collaboration, step="check", state="done", by=cast.bureau)
    with pytest.raises(Refused, match="nobody enters it by hand"):
        settle_step(subject=cast.collaboration, step="signing", state="done", by=cast.bureau)


def test_step_is_left_out_under_a_rule_with_a_reason_by_whom_the_path_names() -> None:
    cast = accepted()
    subject = cast.collaboration
    out = {"subject": subject, "step": "mou", "state": "waived", "by": cast.bureau}

    for extra in ({}, {"reason": "Tunggal."}, {"rule": "hub"}, {"reason": "Tunggal.", "rule": "moon"}):
        with pytest.raises(Invalid):
            settle_step(**out, **extra)
    with pytest.raises(Refused):
        settle_step(**{**out, "by": cast.officer}, reason="Tunggal.", rule="hub")
    settle_step(**out, reason="Tunggal.", rule="hub")

    row = standing_of(subject).step("mou")
    assert (row.state, str(row.rule.name), row.record.reason) == (
        "waived",
        "A rule of this hub, not of the law",
        "Tunggal.",
    )
    entry = Entry.objects.get(verb="legal.settled")
    assert (entry.public, entry.facts["rule"], entry.facts["reason"]) == (True, "hub", "Tunggal.")


@pytest.mark.parametrize("step", ["council", "draft", "signing", "execution"])
def test_hard_stop_is_never_left_out(step: str) -> None:
    cast = accepted()

    with pytest.raises(Refused, match="Nobody waives"):
        settle_step(
            subject=cast.collaboration, step=step, state="waived", by=cast.bureau, reason="x", rule="hub"
        )

    assert StepRecord.objects.count() == 0


def test_mistake_is_taken_back_and_stays_on_file() -> None:
    cast = accepted()
    out = {"subject": cast.collaboration, "step": "mou", "rule": "hub", "reason": "Tunggal."}
    record = settle_step(**out, state="not_applicable", by=cast.bureau)

    with pytest.raises(Refused):
        withdraw_record(record=record, reason="Keliru.", by=cast.officer)
    withdraw_record(record=record, reason="Keliru.", by=cast.bureau)
    with pytest.raises(Stale):
        withdraw_record(record=record, reason="Keliru.", by=cast.bureau)

    assert states(cast)["mou"] == "open"
    assert StepRecord.objects.get().withdrawn_reason == "Keliru."
    settle_step(**out, state="waived", by=cast.bureau)
    assert states(cast)["mou"] == "waived"


@pytest.mark.parametrize(
    ("content", "name"), [(b"", "a.pdf"), (b"bukan pdf", "a.pdf"), (b"%PDF-1.4 rusak", "a.pdf")]
)
def test_bad_file_is_refused_and_not_kept(content: bytes, name: str) -> None:
    cast = accepted()

    with pytest.raises(Invalid):
        file_paper(
            subject=cast.collaboration,
            step="preparation",
            kind="terms",
            file=BytesIO(content),
            name=name,
            by=cast.officer,
        )

    assert LegalPaper.objects.count() == 0


def test_council_needs_a_number_a_day_and_a_document() -> None:
    cast = accepted()
    file = {"subject": cast.collaboration, "by": cast.bureau}
    tomorrow = timezone.localdate() + dt.timedelta(2)

    with pytest.raises(Invalid) as unnumbered:
        file_approval(**file, **paper(), number="segera", dated_on=TODAY)
    with pytest.raises(Invalid) as ahead:
        file_approval(**file, **paper(), number="1/2026", dated_on=tomorrow)
    with pytest.raises(Invalid) as unread:
        file_approval(**file, file=BytesIO(b"teks"), name="a.pdf", number="1/2026", dated_on=TODAY)
    made = file_approval(**file, **paper(), number="1/2026", dated_on=TODAY)
    withdraw_approval(approval=made, reason="Keliru.", by=cast.bureau)
    again = file_approval(**file, **paper(), number="2/2026", dated_on=TODAY)

    assert [set(f.value.fields) for f in (unnumbered, ahead, unread)] == [{"number"}, {"dated_on"}, {"file"}]
    assert standing_of(cast.collaboration).approval == again


def test_answers_need_reasons_and_the_older_one_stays() -> None:
    cast = accepted()
    no = {"subject": cast.collaboration, "burdens": False, "unbudgeted": False, "by": cast.bureau}

    with pytest.raises(Invalid) as fault:
        answer_council(**no, burdens_reason=" ", unbudgeted_reason="x" * 1001)
    answer_no(cast)
    answer_council(**(no | {"burdens": True}), burdens_reason="a", unbudgeted_reason="b")

    assert set(fault.value.fields) == {"burdens_reason", "unbudgeted_reason"}
    case = LegalCase.objects.get()
    assert [(a.burdens, a.needs_council) for a in case.answers.all()] == [(True, True), (False, False)]
    assert states(cast)["council"] == "open"


def test_discussion_needs_three_sides_and_no_objection() -> None:
    cast = accepted()
    talk, (chair, member) = talk_of(cast)

    with pytest.raises(Refused, match="No opinion yet on: technical side, drafting, legal side"):
        talks.close_discussion(discussion=talk, agreed=True, grounds="", by=chair)
    for aspect, by in (("technical", member), ("drafting", member), ("legal", chair)):
        talks.give_opinion(discussion=talk, aspect=aspect, verdict="agrees", text="", by=by)
    talks.give_opinion(discussion=talk, aspect="legal", verdict="objects", text="Dasar kurang.", by=chair)
    with pytest.raises(Refused, match="objects"):
        talks.close_discussion(discussion=talk, agreed=True, grounds="", by=cast.bureau)
    talks.give_opinion(discussion=talk, aspect="legal", verdict="notes", text="Cukup.", by=chair)
    talks.close_discussion(discussion=talk, agreed=True, grounds="", by=chair)

    assert Opinion.objects.count() == 3
    assert states(cast)["discussion"] == "done"
    with pytest.raises(Stale):
        talks.close_discussion(discussion=talk, agreed=True, grounds="", by=chair)
    with pytest.raises(Refused, match="closed"):
        talks.give_opinion(discussion=talk, aspect="legal", verdict="agrees", text="", by=chair)


def test_discussion_that_fails_makes_room_for_another() -> None:
    cast = accepted()
    talk, (chair, _member) = talk_of(cast)

    with pytest.raises(Stale):
        talks.request_discussion(subject=cast.collaboration, members=[], chair=chair, by=cast.bureau)
    with pytest.raises(Invalid):
        talks.close_discussion(discussion=talk, agreed=False, grounds=" ", by=chair)
    talks.close_discussion(discussion=talk, agreed=False, grounds="Belum matang.", by=chair)

    row = standing_of(cast.collaboration).step("discussion")
    assert (row.state, row.desk) == ("open", "bureau")
    talks.request_discussion(subject=cast.collaboration, members=[], chair=chair, by=cast.bureau)
    assert Discussion.objects.count() == 2


def test_only_members_without_a_conflict_discuss() -> None:
    cast = accepted()
    former = make_tkksd(cast.city)
    seat(former, cast.company, Role.STAFF)
    former.memberships.filter(organisation=cast.company).update(ended_at=timezone.now())
    elsewhere = make_tkksd(make_agency().city.__class__.objects.get(pk=cast.city.pk))
    stranger = make_user()

    for person in (former, stranger, cast.bureau):
        with pytest.raises(Invalid):
            talks.request_discussion(
                subject=cast.collaboration, members=[person], chair=elsewhere, by=cast.bureau
            )
    talk, (_chair, _member) = talk_of(cast)
    for person in (former, stranger, cast.bureau, cast.founder, elsewhere):
        with pytest.raises(Refused):
            talks.give_opinion(discussion=talk, aspect="legal", verdict="agrees", text="", by=person)

    assert Opinion.objects.count() == 0


def test_discussion_waits_for_the_decision() -> None:
    cast = make_cast()

    with pytest.raises(Refused, match="once the application is accepted"):
        talk_of(cast)


def test_clock_rests_while_the_applicant_is_asked() -> None:
    cast = accepted(on=TODAY)
    talk, (chair, _member) = talk_of(cast)
    Discussion.objects.update(requested_at=dt.datetime.combine(TODAY, dt.time(3), dt.UTC))
    pause = talks.ask_applicant(discussion=talk, asked="Lengkapi.", by=chair)
    asked = add_working_days(TODAY, 3)
    talk.pauses.update(since=dt.datetime.combine(asked, dt.time(3), dt.UTC))

    def row(day: dt.date):
        return standing_of(cast.collaboration, today=day).step("discussion")

    resting = row(add_working_days(TODAY, 20))
    assert (resting.desk, resting.desk_of, resting.clock.days, resting.clock.left) == (
        "applicant",
        cast.company,
        3,
        7,
    )
    assert (resting.clock.rests_since, resting.clock.due_on) == (asked, None)
    with pytest.raises(Refused):
        talks.supply(discussion=talk, supplied="x", by=cast.officer)
    talks.supply(discussion=talk, supplied="Terlampir.", by=cast.founder)
    until = add_working_days(TODAY, 8)
    talk.pauses.filter(pk=pause.pk).update(until=dt.datetime.combine(until, dt.time(3), dt.UTC))
    running = row(add_working_days(TODAY, 12))
    assert (running.desk, running.clock.days, running.clock.due_on) == (
        "tkksd",
        7,
        add_working_days(TODAY, 15),
    )
    assert row(add_working_days(TODAY, 17)).clock.over == 2


moments = st.integers(0, 40)


@given(st.lists(st.tuples(moments, moments), max_size=4), moments, st.booleans())
def test_days_used_and_due_agree_whatever_the_pauses(
    spans: list[tuple[int, int]], ahead: int, still_open: bool
) -> None:
    def at(day: int) -> dt.datetime:
        return dt.datetime.combine(TODAY + dt.timedelta(day), dt.time(3), dt.UTC)

    pauses, free = [], 0
    for wait, length in spans:
        pauses.append(SimpleNamespace(since=at(free + wait), until=at(free + wait + length)))
        free += wait + length
    if pauses and still_open:
        pauses[-1].until = None
    talk = SimpleNamespace(
        requested_at=at(0), closed_at=None, clock=10, pauses=SimpleNamespace(all=lambda: pauses)
    )

    clocks = [clock_of(talk, TODAY + dt.timedelta(day)) for day in range(ahead + 1)]

    days = [clock.days for clock in clocks]
    assert days == sorted(days)
    assert days[0] == 0
    assert all(
        clock.days <= working_days_between(TODAY, TODAY + dt.timedelta(n)) for n, clock in enumerate(clocks)
    )
    last = clock_of(talk, TODAY + dt.timedelta(400))
    if last.due_on is not None:
        assert clock_of(talk, last.due_on).days == talk.clock
        assert clock_of(talk, last.due_on).over == 0
    else:
        assert last.days == clock_of(talk, TODAY + dt.timedelta(900)).days


def test_late_step_is_told_once_a_level_to_the_next_desk() -> None:
    cast = accepted(on=TODAY)
    talk_of(cast)
    Discussion.objects.update(requested_at=dt.datetime.combine(TODAY, dt.time(3), dt.UTC))
    out = {"rule": "hub", "reason": "x", "state": "waived", "by": cast.bureau}
    for step in ("preparation", "mou"):
        settle_step(subject=cast.collaboration, step=step, **out)
    answer_no(cast)
    make_agreement(cast, upto="approved", council=False)

    told = []
    for day in (8, 9, 9, 10, 11, 11, 13, 15, 20):
        remind(cast.collaboration, add_working_days(TODAY, day))
        told.append(LegalReminder.objects.filter(step="discussion").count())

    assert told == [0, 1, 1, 1, 2, 2, 3, 4, 4]
    entries = Entry.objects.filter(
        verb__in=("legal.reminded", "legal.escalated"), data__contains="discussion"
    )
    assert [(e.facts["level"], e.facts["to"]) for e in entries.order_by("seq")] == [
        (0, "members"),
        (1, "chair"),
        (2, "bureau"),
        (3, "city_signatory"),
    ]


@settings(max_examples=12)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_whenever_the_worker_wakes_each_level_is_told_once(days: list[int]) -> None:
    cast = accepted(on=TODAY)

    for day in sorted(days):
        remind(cast.collaboration, TODAY + dt.timedelta(day))

    rows = list(
        LegalReminder.objects.filter(case__collaboration=cast.collaboration).values_list("step", "level")
    )
    assert len(rows) == len(set(rows))
    over = working_days_between(add_working_days(TODAY, 5), TODAY + dt.timedelta(max(days)))
    assert (("council", 1) in rows) is (over >= 3)


def test_clocks_are_watched_without_anybody_having_opened_the_path() -> None:
    cast = accepted(on=timezone.localdate() - dt.timedelta(60))
    assert LegalCase.objects.count() == 0

    watch_legal_clocks.func()
    told = Entry.objects.filter(verb="legal.escalated").count()
    watch_legal_clocks.func()

    assert told == Entry.objects.filter(verb="legal.escalated").count() == 4
    assert LegalCase.objects.get().collaboration == cast.collaboration
    while notifications.deliver():
        pass
    heard = set(Notification.objects.values_list("user", flat=True))
    assert heard >= {cast.bureau.pk, cast.city_signatory.pk}
    assert cast.founder.pk not in heard


def test_opinions_papers_and_questions_stay_with_those_they_are_for() -> None:
    cast = accepted()
    talk, (chair, member) = talk_of(cast)
    talks.give_opinion(discussion=talk, aspect="legal", verdict="notes", text="rahasiapendapat", by=chair)
    talks.ask_applicant(discussion=talk, asked="rahasiaditanya", by=member)
    file_paper(
        subject=cast.collaboration,
        step="preparation",
        kind="terms",
        by=cast.officer,
        **paper(number="rahasianomor/1"),
    )
    while notifications.deliver():
        pass
    reference = cast.collaboration.reference
    urls = (
        f"/kolaborasi/{reference}/",
        f"/kolaborasi/{reference}/jalur-hukum/",
        f"/jalur-hukum/{reference}/pembahasan/",
        f"/jalur-hukum/{reference}/langkah/preparation/",
        f"/api/v1/collaborations/{reference}/legal",
        f"/api/v1/collaborations/{reference}",
        "/pemberitahuan/",
        "/buku-catatan/",
    )
    secrets = ("rahasiapendapat", "rahasiaditanya", "rahasianomor", "Anggota 1")

    def read(user) -> set[str]:
        text = "".join(client_of(user).get(url).content.decode() for url in urls)
        return {secret for secret in secrets if secret in text}

    auditor = make_auditor(cast.city)
    assert read(None) == read(make_user()) == set()
    assert read(cast.founder) == read(cast.officer) == {"rahasiaditanya", "rahasianomor"}
    for user in (cast.bureau, auditor, make_tkksd(cast.city)):
        assert read(user) == set(secrets)
    opinions = Entry.objects.get(verb="legal.opinion")
    assert (opinions.public, opinions.thread.partition(":")[0]) == (False, "legal")
    assert not Notification.objects.filter(user=cast.founder, verb="legal.opinion").exists()


def test_path_of_a_memorandum_of_its_own() -> None:
    cast = make_cast()
    bureau = cast.bureau
    secretariat = bureau.hats[0].organisation
    memorandum = draft_memorandum(
        city=cast.city,
        parties=(secretariat, cast.company),
        title="Kesepakatan",
        purpose="Maksud",
        starts_on=TODAY,
        ends_on=TODAY + dt.timedelta(365),
        by=bureau,
    )

    settle_step(subject=memorandum, step="offer", state="done", by=bureau)
    talk = talks.request_discussion(subject=memorandum, members=[], chair=make_tkksd(cast.city), by=bureau)
    with pytest.raises(Refused, match="memorandum"):
        answer_council(
            subject=memorandum,
            burdens=False,
            burdens_reason="a",
            unbudgeted=False,
            unbudgeted_reason="b",
            by=bureau,
        )

    now = standing_of(memorandum)
    assert {row.step.key: row.state for row in now.steps} == {
        "preparation": "open",
        "offer": "done",
        "discussion": "open",
        "draft": "open",
        "numbering": "coming",
        "signing": "coming",
        "check": "coming",
        "administration": "coming",
    }
    assert now.discussion == talk
    url = f"/perjanjian/{memorandum.pk}/jalur-hukum/"
    codes = {name: client_of(user).get(url).status_code for name, user in people_of(cast)}
    assert codes == {"stranger": 404, "bureau": 200, "founder": 200}


def people_of(cast: Cast):
    return (("stranger", None), ("bureau", cast.bureau), ("founder", cast.founder))


def test_page_says_what_does_not_fit_and_keeps_what_was_typed() -> None:
    cast = accepted()
    client = client_of(cast.bureau)
    url = f"/en/jalur-hukum/{cast.collaboration.reference}/dprd/"
    typed = {
        "do": "answer",
        "answer-burdens": "no",
        "answer-burdens_reason": "Tiada beban",
        "answer-seen": "0",
    }

    short = client.post(url, typed)
    typed |= {"answer-unbudgeted": "no", "answer-unbudgeted_reason": "Mitra"}
    kept = client.post(url, typed)
    stale = client.post(url, typed | {"answer-burdens_reason": "Lagi"})

    assert (short.status_code, kept.status_code, stale.status_code) == (422, 302, 409)
    assert "Tiada beban" in short.content.decode()
    assert "Lagi" in stale.content.decode()
    assert LegalCase.objects.get().answers.count() == 1


def test_page_takes_a_paper_and_gives_it_back_to_those_inside() -> None:
    cast = accepted()
    reference = cast.collaboration.reference
    client = client_of(cast.officer)

    sent = client.post(
        f"/jalur-hukum/{reference}/langkah/preparation/",
        {
            "do": "paper",
            "paper-kind": "terms",
            "paper-file": SimpleUploadedFile("kak.pdf", make_pdf("kak")),
        },
    )
    found = LegalPaper.objects.get()
    url = f"/jalur-hukum/{reference}/dokumen/{found.pk}/"

    assert sent.status_code == 302
    assert b"".join(client.get(url).streaming_content) == make_pdf_of(found)
    assert client_of(make_user()).get(url).status_code == 404
    assert client_of(accepted().founder).get(url).status_code == 404


def make_pdf_of(found: LegalPaper) -> bytes:
    with open_document(found.document) as file:
        return file.read()


def test_discussion_is_worked_through_its_page() -> None:
    cast = accepted()
    people = [make_tkksd(cast.city, name=f"Anggota {n}") for n in (1, 2)]
    url = f"/en/jalur-hukum/{cast.collaboration.reference}/pembahasan/"

    def press(user, do: str, **values: object) -> int:
        data = {f"{do}-{name}": value for name, value in values.items()}
        return client_of(user).post(url, {"do": do} | data).status_code

    steps = [
        press(cast.bureau, "request", chair=people[0].pk, members=[people[1].pk]),
        press(people[1], "opinion", aspect="technical", verdict="agrees"),
        press(people[1], "opinion", aspect="drafting", verdict="notes"),
        press(people[1], "opinion", aspect="drafting", verdict="notes", text="Perbaiki pasal 3."),
        press(people[0], "opinion", aspect="legal", verdict="agrees"),
        press(people[0], "ask", asked="Lampirkan KAK."),
        press(cast.founder, "supply", supplied="Terlampir."),
        press(cast.founder, "supply", supplied="Terlampir lagi."),
        press(people[0], "close", agreed="yes"),
    ]

    assert steps == [302, 302, 422, 302, 302, 302, 302, 409, 302]
    assert states(cast)["discussion"] == "done"


def test_public_page_shows_the_days_and_costs_the_same_for_more() -> None:
    cast = accepted()
    reference = cast.collaboration.reference
    client = client_of(None)

    def cost(path: str) -> int:
        client.get(path)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path).status_code == 200
        return len(asked)

    talk, (chair, _member) = talk_of(cast)
    talks.ask_applicant(discussion=talk, asked="a", by=chair)
    talks.supply(discussion=talk, supplied="b", by=cast.founder)
    file_paper(subject=cast.collaboration, step="preparation", kind="terms", by=cast.officer, **paper())
    answer_no(cast)
    paths = (f"/kolaborasi/{reference}/jalur-hukum/", f"/api/v1/collaborations/{reference}/legal")
    one = [cost(path) for path in paths]
    for _again in range(2):
        talks.ask_applicant(discussion=talk, asked="a", by=chair)
        talks.supply(discussion=talk, supplied="b", by=cast.founder)
        file_paper(subject=cast.collaboration, step="preparation", kind="terms", by=cast.officer, **paper())
        answer_no(cast)
    three = [cost(path) for path in paths]

    assert one == three == [13, 13]
    assert "day 0 of 10" in client.get(f"/en{paths[0]}").content.decode()


def test_standing_describes_what_it_is_given() -> None:
    cast = accepted(on=TODAY)
    path = standing_of(cast.collaboration).path
    facts = {"application.offered": TODAY, "application.accepted": TODAY, "agreement.signed": TODAY}

    now = described(cast.collaboration, path, None, facts, TODAY)

    assert now.settled == 2
    assert {row.step.key for row in now.open} == {"check", "execution", "administration"}
