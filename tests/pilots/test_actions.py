"""What may happen to a pilot, by whom, and what it leaves in the ledger."""

import datetime as dt
from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Entry
from balai.pilots import actions
from balai.pilots.models import EvaluationPlan, Incident, Milestone, MonitoringReport, Site
from balai.pilots.monitoring import questions
from tests.builders import make_auditor, make_user
from tests.stories import World

pytestmark = pytest.mark.django_db
TODAY = dt.date(2026, 1, 31)


@pytest.fixture
def world(settings):
    settings.DEMO = True
    return World()


@given(st.dates(dt.date(1990, 1, 1), dt.date(2090, 1, 1)), st.integers(0, 60))
def test_months_after_lands_in_the_right_month_and_never_skips_one(day, months):
    later = actions.months_after(day, months)

    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == day.day or (later + dt.timedelta(days=1)).day == 1


def test_a_playground_lasts_twelve_months_at_most(world):
    collaboration = world.at("preparation")
    plan = {"collaboration": collaboration, "by": world.founder, "starts_on": TODAY}

    with pytest.raises(Invalid) as fault:
        actions.plan_pilot(**plan, ends_on=dt.date(2027, 2, 1))
    actions.plan_pilot(**plan, ends_on=dt.date(2027, 1, 31))

    assert list(fault.value.fields) == ["ends_on"]
    collaboration.pilot.refresh_from_db()
    assert collaboration.pilot.ends_on == dt.date(2027, 1, 31)


def test_the_plan_is_fixed_once_it_runs(world):
    collaboration = world.at("running")

    with pytest.raises(Refused):
        actions.plan_pilot(
            collaboration=collaboration, by=world.founder, starts_on=TODAY, ends_on=dt.date(2026, 6, 1)
        )
    with pytest.raises(Refused):
        actions.register_evaluation(
            collaboration=collaboration,
            by=world.analyst,
            indicator=world.indicator,
            baseline=Decimal(1),
            baseline_period="2026",
            target=Decimal(2),
            method="Diubah belakangan.",
        )

    assert EvaluationPlan.objects.get().target == Decimal("23")


def test_a_site_without_boundary_is_refused(world):
    collaboration = world.at("preparation")

    with pytest.raises(Invalid) as fault:
        actions.add_site(
            collaboration=collaboration, by=world.founder, name="Tanpa batas", latitude=-6.2, longitude=106.8
        )

    assert list(fault.value.fields) == ["radius_m"]
    assert Site.objects.count() == 0


def test_an_incident_is_public_at_once_but_its_text_is_not(world):
    collaboration = world.at("running")

    actions.report_incident(
        collaboration=collaboration,
        by=world.founder,
        severity="serious",
        happened_at=timezone.now(),
        text="Rahasia: pengendara terluka di gang sempit.",
        people_hurt=1,
    )

    entry = Entry.objects.get(verb="pilot.incident_reported")
    assert entry.public is True
    assert entry.facts["hurt"] == 1
    assert "Rahasia" not in entry.data


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"severity": "fatal", "people_hurt": 0}, "people_hurt"),
        ({"happened_at": timezone.now() + dt.timedelta(days=1)}, "happened_at"),
    ],
)
def test_an_incident_that_cannot_be_is_refused_at_its_field(world, values, field):
    collaboration = world.at("running")
    given = {"severity": "minor", "happened_at": timezone.now(), "text": "Jatuh.", "people_hurt": 0} | values

    with pytest.raises(Invalid) as fault:
        actions.report_incident(collaboration=collaboration, by=world.founder, **given)

    assert list(fault.value.fields) == [field]
    assert Incident.objects.count() == 0


def test_the_partner_does_not_close_its_own_incident(world):
    collaboration = world.at("running")
    incident = actions.report_incident(
        collaboration=collaboration,
        by=world.founder,
        severity="minor",
        happened_at=timezone.now(),
        text="Jatuh.",
    )

    with pytest.raises(Refused):
        actions.close_incident(incident=incident, by=world.founder, measures="Sudah aman.")
    actions.close_incident(incident=incident, by=world.officer, measures="Rambu dipasang.")
    with pytest.raises(Stale):
        actions.close_incident(incident=incident, by=world.bureau, measures="Lain.")

    incident.refresh_from_db()
    assert incident.measures == "Rambu dipasang."


def test_each_form_has_one_author_and_one_filing_a_period(world):
    collaboration = world.at("running")
    answers = {question.key: "Baik." for question in questions("agency")}
    report = {"collaboration": collaboration, "form": "agency", "period": "2026-S1", "answers": answers}

    with pytest.raises(Refused):
        actions.file_report(**report, by=world.founder)
    actions.file_report(**report, by=world.officer, rating=3, advice="fix")
    with pytest.raises(Stale):
        actions.file_report(**report, by=world.officer)

    assert [(r.form, r.rating) for r in MonitoringReport.objects.all()] == [("agency", 3)]


def test_a_report_with_an_open_question_names_it(world):
    collaboration = world.at("running")

    with pytest.raises(Invalid) as fault:
        actions.file_report(
            collaboration=collaboration, by=world.founder, form="partner", period="2026-S1", answers={}
        )

    assert sorted(fault.value.fields) == sorted(question.key for question in questions("partner"))


def test_nobody_verifies_their_own_effect_and_a_changed_value_is_told(world):
    collaboration = world.at("evaluation")
    effect = actions.record_effect(
        collaboration=collaboration, by=world.analyst, observed=Decimal("24"), period="2026-S2"
    )

    with pytest.raises(Refused):
        actions.verify_effect(effect=effect, by=world.analyst, seen=Decimal("24"))
    with pytest.raises(Refused):
        actions.verify_effect(effect=effect, by=world.founder, seen=Decimal("24"))
    with pytest.raises(Stale):
        actions.verify_effect(effect=effect, by=world.officer, seen=Decimal("23"))
    actions.verify_effect(effect=effect, by=world.officer, seen=Decimal("24"))
    with pytest.raises(Stale):
        actions.record_effect(
            collaboration=collaboration, by=world.analyst, observed=Decimal("1"), period="2026-S2"
        )

    effect.refresh_from_db()
    assert (effect.observed, effect.verified_by) == (Decimal("24"), world.officer.pseudonym)


def test_a_milestone_is_reached_once(world):
    collaboration = world.at("running")
    milestone = Milestone.objects.get(pilot__collaboration=collaboration)
    actions.reach_milestone(milestone=milestone, by=world.founder)

    with pytest.raises(Stale):
        actions.reach_milestone(milestone=milestone, by=world.officer)

    assert Entry.objects.filter(verb="pilot.milestone_reached").count() == 1


@pytest.mark.parametrize("who", ["stranger", "auditor", "other partner", "other city"])
def test_outsiders_change_nothing(world, who):
    collaboration = world.at("running")
    other = World("3273", "lain")
    person = {
        "stranger": make_user(),
        "auditor": make_auditor(world.city),
        "other partner": other.founder,
        "other city": other.officer,
    }[who]
    before = Entry.objects.count()

    for act in (
        lambda: actions.report_incident(
            collaboration=collaboration,
            by=person,
            severity="minor",
            happened_at=timezone.now(),
            text="Palsu.",
        ),
        lambda: actions.reach_milestone(milestone=Milestone.objects.get(), by=person),
        lambda: actions.file_report(
            collaboration=collaboration, by=person, form="agency", period="x", answers={}
        ),
    ):
        with pytest.raises(Refused):
            act()

    assert Entry.objects.count() == before
