from datetime import date, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from balai.challenges.models import Challenge, Question
from balai.collaborations.models import Collaboration, SchemeVersion
from balai.indicators.models import Indicator
from balai.needs.models import Need
from balai.people.actions import invite
from balai.people.models import Role
from balai.pilots.models import Effect, EvaluationPlan, Milestone, MonitoringReport, Obligation, Pilot
from balai.portal.inbox import sources
from balai.portal.inbox.sources import last_half_year, waiting_for
from balai.portal.inbox.views import groups_of
from tests.builders import (
    client_of,
    make_agency,
    make_analyst,
    make_auditor,
    make_bureau,
    make_city,
    make_company,
    make_founder,
    make_officer,
    make_signatory,
    make_superuser,
    make_tkksd,
    make_user,
    seat,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def schemes(db):
    from balai.collaborations.actions import publish_shipped_schemes

    publish_shipped_schemes()
    return {version.key: version for version in SchemeVersion.objects.filter(current=True)}


def make_need(agency=None, city=None, **extra) -> Need:
    number = Need.objects.count() + 1
    values = {
        "reference": f"KBT-2026-{number:04d}",
        "city": city or (agency.city if agency else make_city()),
        "agency": agency,
        "title": f"Kebutuhan {number}",
        "text": "Trotoar putus.",
        "dimension": "mobility",
        "voiced_at": timezone.now(),
        "answer_due": timezone.localdate() + timedelta(days=3),
    }
    return Need.objects.create(**values | extra)


def make_challenge(agency, **extra) -> Challenge:
    number = Challenge.objects.count() + 1
    values = {"reference": f"TTG-2026-{number:04d}", "title": f"Tantangan {number}", "dimension": "mobility"}
    return Challenge.objects.create(agency=agency, city=agency.city, **values | extra)


def make_collaboration(version, partner, agency, stage, **extra) -> Collaboration:
    number = Collaboration.objects.count() + 1
    values = {
        "reference": f"PLG-2026-{number:04d}",
        "title": f"Kolaborasi {number}",
        "stage_since": timezone.now(),
        "created_at": timezone.now(),
        "submitted_at": timezone.now(),
    }
    return Collaboration.objects.create(
        scheme_version=version,
        partner=partner,
        agency=agency,
        city=agency.city,
        stage=stage,
        **values | extra,
    )


def make_pilot(collaboration, **extra) -> Pilot:
    return Pilot.objects.create(collaboration=collaboration, **{"starts_on": date(2020, 1, 1)} | extra)


def titles(user) -> list[str]:
    return [str(item.title) for item in waiting_for(user)]


def test_nothing_waits_for_a_new_citizen() -> None:
    user = make_user()
    make_need(make_agency())

    assert titles(user) == []
    assert "kebutuhan/baru/" in client_of(user).get("/kotak-masuk/").content.decode()


def test_a_need_waits_for_its_agency_and_an_orphan_for_the_coordinators() -> None:
    agency = make_agency()
    officer, bureau, analyst = make_officer(agency), make_bureau(), make_analyst()
    of_agency, orphan = make_need(agency), make_need()
    make_need(agency, state="answered", title="Sudah dijawab")
    elsewhere = make_city("3273")
    make_need(city=elsewhere, title="Kota lain")
    make_need(make_agency(elsewhere), title="Dinas kota lain")

    assert titles(officer) == [of_agency.title]
    assert titles(bureau) == [orphan.title]
    assert titles(analyst) == [orphan.title]
    assert titles(make_officer()) == []
    assert titles(make_founder()) == []


def test_an_ended_seat_sees_nothing() -> None:
    agency = make_agency()
    officer = make_officer(agency)
    make_need(agency)
    officer.memberships.update(ended_at=timezone.now())
    officer.__dict__.pop("hats", None)

    assert titles(officer) == []


def test_drafts_and_open_questions_wait_for_the_problem_owner() -> None:
    agency = make_agency()
    make_challenge(agency, title="Rancangan")
    asked = make_challenge(agency, title="Ditanya", state="open", opened_at=timezone.now())
    Question.objects.create(challenge=asked, text="Data apa?", asked_by=make_user().pseudonym)
    make_challenge(agency, title="Sepi", state="open", opened_at=timezone.now())
    ended = make_challenge(agency, title="Selesai", state="ended", opened_at=timezone.now())
    Question.objects.create(challenge=ended, text="Terlambat", asked_by=make_user().pseudonym)
    make_challenge(make_agency(), title="Dinas lain")

    assert sorted(titles(make_officer(agency))) == ["Ditanya", "Rancangan"]


def test_an_invitation_waits_for_whoever_confirmed_the_address() -> None:
    company = make_company(name="Angkut Bersama")
    founder = make_founder(company)
    guest, claims = make_user(), make_user()
    EmailAddress.objects.create(user=guest, email=guest.email, verified=True)
    EmailAddress.objects.create(user=claims, email=claims.email, verified=False)
    for person in (guest, claims):
        invite(by=founder, organisation=company, email=person.email, role="staff")

    assert titles(guest) == ["Angkut Bersama"]
    assert titles(claims) == []


def test_a_stage_waits_for_the_role_whose_turn_it_is(schemes) -> None:
    company, agency = make_company(), make_agency()
    founder, bureau = make_founder(company), make_bureau()
    make_collaboration(schemes["playground"], company, agency, "draft", title="Rancangan", submitted_at=None)
    make_collaboration(schemes["playground"], company, agency, "screening", title="Diperiksa")
    make_collaboration(
        schemes["playground"], company, agency, "screening", title="Tamat", ended_at=timezone.now()
    )

    assert titles(founder) == ["Rancangan"]
    assert titles(bureau) == ["Diperiksa"]
    assert titles(make_founder()) == []
    assert titles(make_bureau(make_city("3273"))) == []
    assert titles(make_auditor()) == []


def test_a_reviewer_who_has_judged_waits_for_the_others(schemes) -> None:
    from balai.applications.models import Application, Review

    agency = make_agency()
    done, other = make_tkksd(), make_tkksd()
    collaboration = make_collaboration(schemes["playground"], make_company(), agency, "review")
    application = Application.objects.create(collaboration=collaboration, started_by=other.pseudonym)
    Review.objects.create(
        application=application, reviewer=done, submitted_at=timezone.now(), revision=application.revision
    )

    assert (titles(done), titles(other)) == ([], [collaboration.title])


def test_monitoring_waits_for_each_of_the_three_sides(schemes) -> None:
    company, agency = make_company(), make_agency()
    people = [make_founder(company), make_officer(agency), make_bureau()]
    collaboration = make_collaboration(schemes["playground"], company, agency, "evaluation")
    pilot = make_pilot(collaboration)
    period, _, _ = last_half_year(timezone.localdate())

    def owed() -> list[int]:
        return [len(list(sources.monitoring(person))) for person in people]

    assert owed() == [1, 1, 1]
    MonitoringReport.objects.create(pilot=pilot, form="agency", period=period, filed_at=timezone.now())
    assert owed() == [1, 0, 1]
    Pilot.objects.update(starts_on=timezone.localdate())
    assert owed() == [0, 0, 0]


def test_a_half_year_is_reported_in_the_month_after_it() -> None:
    assert last_half_year(date(2026, 1, 1)) == ("2025-S2", date(2025, 12, 31), date(2026, 1, 31))
    assert last_half_year(date(2026, 6, 30)) == ("2025-S2", date(2025, 12, 31), date(2026, 1, 31))
    assert last_half_year(date(2026, 7, 1)) == ("2026-S1", date(2026, 6, 30), date(2026, 7, 31))


def test_promises_wait_for_the_side_that_made_them(schemes) -> None:
    company, agency = make_company(), make_agency()
    pilot = make_pilot(
        make_collaboration(schemes["playground"], company, agency, "running"), starts_on=timezone.localdate()
    )
    soon = timezone.localdate() + timedelta(days=3)
    Milestone.objects.create(pilot=pilot, title="50 unit", due_on=soon)
    Milestone.objects.create(pilot=pilot, title="Jauh", due_on=soon + timedelta(days=60))
    Obligation.objects.create(pilot=pilot, side="partner", text="Asuransi", due_on=soon)
    Obligation.objects.create(pilot=pilot, side="city", text="Lahan parkir", due_on=soon)
    Obligation.objects.create(pilot=pilot, side="city", text="Sudah", due_on=soon, done_at=timezone.now())

    def promised(user) -> list[str]:
        return sorted(str(item.title) for item in sources.promises(user))

    assert promised(make_founder(company)) == ["50 unit", "Asuransi"]
    assert promised(make_officer(agency)) == ["Lahan parkir"]
    assert promised(make_founder()) == []


def test_an_effect_is_verified_by_another_than_its_claimant(schemes) -> None:
    company, agency = make_company(), make_agency()
    analyst, claimant = make_analyst(), make_analyst()
    pilot = make_pilot(make_collaboration(schemes["playground"], company, agency, "evaluation"))
    indicator = Indicator.objects.create(
        code="MOB-01",
        dimension="mobility",
        name="Waktu",
        name_en="Time",
        unit="menit",
        higher_is_better=False,
    )
    plan = EvaluationPlan.objects.create(
        pilot=pilot, indicator=indicator, baseline=10, target=8, method="Ukur", registered_at=timezone.now()
    )
    Effect.objects.create(
        plan=plan, observed=9, period="2026", claimed_by=claimant.pseudonym, claimed_at=timezone.now()
    )

    def verifies(user) -> int:
        return len(list(sources.effects_to_verify(user)))

    both = seat(make_analyst(), company, Role.STAFF)
    far = make_analyst(make_city("3273"))
    assert [verifies(p) for p in (analyst, claimant, make_founder(company), both, far)] == [1, 0, 0, 0, 0]


def test_a_signature_waits_for_the_partners_signatory(schemes) -> None:
    from balai.agreements.models import Agreement, Party

    company, agency = make_company(), make_agency()
    collaboration = make_collaboration(schemes["playground"], company, agency, "signing")
    agreement = Agreement.objects.create(
        city=agency.city,
        kind="pks",
        collaboration=collaboration,
        title="Perjanjian uji coba",
        state="signing",
    )
    for place, organisation in ((1, agency), (2, company)):
        Party.objects.create(agreement=agreement, organisation=organisation, place=place, mandate="Akta 1")
    partner, city = make_signatory(company), make_signatory(agency)

    assert titles(partner) == ["Perjanjian uji coba"]
    assert titles(city) == [collaboration.title]
    assert titles(make_signatory(make_company())) == []


def test_failed_tasks_are_for_the_operator_only() -> None:
    from django_tasks_db.models import DBTaskResult

    for _ in range(3):
        DBTaskResult.objects.create(
            status="FAILED",
            task_path="balai.agreements.tasks.seal_agreement",
            args_kwargs={"args": [], "kwargs": {}},
            queue_name="default",
            backend_name="default",
            run_after=timezone.now(),
            finished_at=timezone.now(),
            exception_class_path="builtins.OSError",
            traceback="",
        )

    assert titles(make_user()) == []
    assert titles(make_superuser()) == ["balai.agreements.tasks.seal_agreement"]


def test_what_is_overdue_comes_first() -> None:
    agency = make_agency()
    today = timezone.localdate()
    for title, days in (("besok", 1), ("lusa bulan depan", 40), ("kemarin", -1), ("hari ini", 0)):
        make_need(agency, title=title, answer_due=today + timedelta(days=days))

    groups = groups_of(waiting_for(make_officer(agency)), today)

    assert [(group.tone, [item.title for item in group.items]) for group in groups] == [
        ("stop", ["kemarin"]),
        ("wait", ["hari ini", "besok"]),
        ("neutral", ["lusa bulan depan"]),
    ]


@pytest.mark.parametrize("language", ["", "/en"])
def test_the_page_costs_the_same_for_one_and_three_of_each(
    schemes, django_assert_num_queries, language: str
) -> None:
    agency, company = make_agency(), make_company()
    officer = make_officer(agency)
    client = client_of(officer)

    def one_of_each() -> None:
        make_need(agency)
        make_challenge(agency)
        running = make_collaboration(schemes["playground"], company, agency, "suspended")
        pilot = make_pilot(running)
        Obligation.objects.create(pilot=pilot, side="city", text="Lahan", due_on=timezone.localdate())

    one_of_each()
    # session, person, hats, schemes, turns, needs, challenges,
    # invitations, monitoring, promises, effects, unread news
    with django_assert_num_queries(14):
        page = client.get(f"{language}/kotak-masuk/")
    assert page.status_code == 200
    one_of_each()
    one_of_each()
    with django_assert_num_queries(14):
        client.get(f"{language}/kotak-masuk/")


def test_a_citizen_costs_little(django_assert_num_queries) -> None:
    client = client_of(make_user())
    # session, person, hats, invitations, unread news
    with django_assert_num_queries(5):
        client.get("/kotak-masuk/")
