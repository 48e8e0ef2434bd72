"""Evaluation of a city: weights are data, assessors have no part in the city, too few answers say nothing."""

import datetime as dt
from decimal import Decimal

import pytest

from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Entry
from balai.programme.assessing import (
    METHODS,
    appoint_assessor,
    close_evaluation,
    declare_conflict,
    judge_readiness,
    name_members,
    open_evaluation,
    publish_methods,
    record_survey,
    score,
)
from balai.programme.models import Cohort, EvaluationMethod
from balai.programme.models.assessment import COMPONENTS
from balai.programme.results import re_weighted, readiness_of, result_of, survey_result
from balai.programme.rules import may_close_evaluation, may_see_evaluation
from tests.builders import (
    make_agency,
    make_analyst,
    make_auditor,
    make_city,
    make_founder,
    make_officer,
    make_user,
)
from tests.programme_builders import make_assessor, make_evaluation, make_ministry_person, scores
from tests.stories import World

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]


def survey(evaluation, *answers, by=None, **extra):
    values = {
        "programme": "Layanan izin daring",
        "dimension": "governance/service",
        "answers": list(answers),
        "held_from": dt.date(2026, 5, 1),
        "held_until": dt.date(2026, 5, 20),
        "how": "Pengunjung loket, dipilih acak",
    }
    return record_survey(evaluation=evaluation, by=by or make_ministry_person(), values=values | extra)


def test_two_documented_versions_of_the_weights_are_published_once():
    publish_methods()
    publish_methods()

    weights = {
        method.pk: [method.weights[part] for part in COMPONENTS] for method in EvaluationMethod.objects.all()
    }
    assert weights == {"sleman": [10, 20, 30, 30, 10], "jambi-2022": [10, 20, 30, 20, 20]}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("impact = 30, quickwin = 10", "impact = 40, quickwin = 10", "add up to 100"),
        ("impact = 30, quickwin = 10", "impact = 20, quickwin = 20", "Give it a new key"),
    ],
)
def test_a_published_version_never_changes(old, new, reason):
    publish_methods()

    with pytest.raises(Invalid, match=reason):
        publish_methods(METHODS.read_text(encoding="utf-8").replace(old, new))


def test_the_result_is_the_weighted_mean_of_the_assessors_with_their_spread():
    evaluation = make_evaluation()
    make_assessor(evaluation, "50 60 70 80 90")
    make_assessor(evaluation, "60 60 60 60 60")

    result = result_of(evaluation, evaluation.assessors.prefetch_related("scores"))

    # 10*50+20*60+30*70+30*80+10*90 = 7100; and 6000.
    assert result is not None
    assert (result.total, result.low, result.high, result.assessors) == (65.5, 60.0, 71.0, 2)
    assert [(part.key, part.score, part.low, part.high) for part in result.components][3] == (
        "impact",
        70.0,
        60.0,
        80.0,
    )
    # The same scores under the other version: 10*55+20*60+30*65+20*70+20*75 = 6600.
    publish_methods()
    assert re_weighted(result, EvaluationMethod.objects.get(pk="jambi-2022").weights) == 66.0


def test_a_declared_conflict_takes_the_scores_out():
    evaluation = make_evaluation()
    make_assessor(evaluation, "60 60 60 60 60")
    biased = make_assessor(evaluation, "100 100 100 100 100")

    declare_conflict(assessor=biased, reason="Saudara saya bekerja di sana.", by=biased.user)

    result = result_of(evaluation, evaluation.assessors.prefetch_related("scores"))
    biased.refresh_from_db()
    assert result is not None
    assert (result.total, result.assessors) == (60.0, 1)
    with pytest.raises(Refused, match="You declared a conflict"):
        score(assessor=biased, scores=scores("1 1 1 1 1"), by=biased.user)


def test_nobody_with_a_part_in_the_city_judges_it():
    world = World("31", "jakarta")
    evaluation = make_evaluation(world.city)
    world.begin(title="Uji")
    people = [
        (make_user(city=world.city), "lives in the city"),
        (make_officer(make_agency(world.city, name="Dinas Rekaan")), "works for Dinas Rekaan"),
        (world.founder, "works for a partner of the city"),
    ]
    ministry = make_ministry_person()

    said = []
    for person, _why in people:
        with pytest.raises(Refused) as fault:
            appoint_assessor(evaluation=evaluation, user=person, by=ministry)
        said.append(str(fault.value.reason))

    assert said == [f"This person may not judge this city: {why}." for _person, why in people]


def test_a_conflict_that_comes_later_counts_too():
    evaluation = make_evaluation()
    assessor = make_assessor(evaluation)
    assessor.user.city = evaluation.city
    assessor.user.save()

    with pytest.raises(Refused, match="lives in the city"):
        score(assessor=assessor, scores=scores("1 1 1 1 1"), by=assessor.user)


def test_every_component_needs_a_score_and_a_reason():
    assessor = make_assessor(make_evaluation())
    given = scores("50 60 70 80 90") | {"output": (Decimal(101), "x"), "impact": (Decimal(50), " ")}
    del given["quickwin"]

    with pytest.raises(Invalid) as fault:
        score(assessor=assessor, scores=given, by=assessor.user)

    assert sorted(fault.value.fields) == ["impact_reason", "output", "quickwin"]
    assert assessor.scores.count() == 0


def test_it_is_closed_when_two_have_scored_everything_and_then_stays():
    evaluation = make_evaluation()
    ministry = make_ministry_person()
    make_assessor(evaluation, "60 60 60 60 60")
    late = make_assessor(evaluation)

    early = may_close_evaluation(ministry, evaluation)
    score(assessor=late, scores=scores("70 70 70 70 70"), by=late.user)
    closed = close_evaluation(evaluation=evaluation, by=ministry)

    late.refresh_from_db()
    assert str(early.reason) == "1 of 2 assessors have scored everything; at least two are needed."
    assert closed.closed_at is not None
    with pytest.raises(Refused, match="The evaluation is closed"):
        score(assessor=late, scores=scores("1 1 1 1 1"), by=late.user)
    with pytest.raises(Refused):
        survey(closed, 0, 0, 0, 0, 60)
    with pytest.raises(Refused):
        close_evaluation(evaluation=closed, by=ministry)


def test_the_slower_of_two_closings_is_told():
    evaluation = make_evaluation()
    for _time in range(2):
        make_assessor(evaluation, "60 60 60 60 60")
    seen = type(evaluation).objects.get(pk=evaluation.pk)
    ministry = make_ministry_person()
    close_evaluation(evaluation=evaluation, by=ministry)

    with pytest.raises(Stale):
        close_evaluation(evaluation=seen, by=ministry)


def test_a_city_is_evaluated_once_a_year_by_the_ministry_alone():
    evaluation = make_evaluation()

    with pytest.raises(Stale):
        make_evaluation()
    with pytest.raises(Refused):
        open_evaluation(city=evaluation.city, year=2027, method=evaluation.method, by=make_analyst())


def test_who_sees_an_open_evaluation_and_that_a_closed_one_is_public():
    evaluation = make_evaluation()
    assessor = make_assessor(evaluation, "60 60 60 60 60")
    make_assessor(evaluation, "60 60 60 60 60")
    inside = [make_ministry_person(), assessor.user, make_analyst(), make_auditor(evaluation.city)]
    outside = [make_user(), make_founder(), make_analyst(make_city("3273"))]

    before = [bool(may_see_evaluation(person, evaluation)) for person in inside + outside]
    close_evaluation(evaluation=evaluation, by=inside[0])

    assert before == [True] * 4 + [False] * 3
    assert [bool(may_see_evaluation(person, evaluation)) for person in outside] == [True] * 3


def test_fifty_citizens_are_needed_before_a_survey_says_anything():
    evaluation = make_evaluation()
    few = survey_result(survey(evaluation, 5, 4, 10, 20, 10))
    enough = survey_result(survey(evaluation, 5, 5, 10, 20, 10, programme="Aplikasi aduan"))

    assert (few.survey.respondents, few.mean, few.low) == (49, None, None)
    # (5*1+5*2+10*3+20*4+10*5)/50 = 3.5; variance = (5*6.25+5*2.25+10*.25+20*.25+10*2.25)/49 = 1.4796
    assert enough.mean == 3.5
    assert (round(enough.low or 0, 4), round(enough.high or 0, 4)) == (3.1628, 3.8372)


@pytest.mark.parametrize("answers", [(1, 2, 3, 4), (0, 0, 0, 0, 0), (-1, 0, 0, 0, 60)])
def test_a_survey_without_sound_answers_is_refused(answers):
    with pytest.raises(Invalid, match="Give how many answered"):
        survey(make_evaluation(), *answers)


def test_readiness_is_judged_by_the_city_and_by_its_assessors_side_by_side():
    evaluation = make_evaluation()
    analyst, assessor = make_analyst(), make_assessor(evaluation)

    def judge(by, level):
        judge_readiness(
            city=evaluation.city,
            year=2026,
            element="structure.money",
            level=level,
            evidence="APBD 2026, kode 2.16",
            by=by,
        )

    judge(analyst, 4)
    judge(assessor.user, 1)
    judge(analyst, 3)
    with pytest.raises(Refused):
        judge(make_analyst(make_city("3273")), 4)

    pillars = dict(readiness_of(evaluation.city.readiness.filter(year=2026)))
    money = pillars["structure"][1]
    assert money.city is not None
    assert money.assessor is not None
    assert (money.city.level, money.assessor.level) == (3, 1)
    assert [len(elements) for elements in pillars.values()] == [3, 3, 3]
    assert evaluation.city.readiness.count() == 3


def test_members_of_an_intake_are_named_with_their_source():
    cohort = Cohort.objects.create(year=2018, name="2018", source="Aptika")
    make_city("7171")
    make_city("3603")
    ministry = make_ministry_person()

    def name(*codes):
        return name_members(
            cohort=cohort,
            codes=codes,
            source="SK 1/2018",
            source_url="",
            as_of=dt.date(2018, 5, 8),
            by=ministry,
        )

    first, again = name("7171", "3603", "9999", "7171"), name("7171")

    assert (first, again) == ((2, ["9999"]), (0, []))
    assert list(cohort.memberships.order_by("city").values_list("city", "source")) == [
        ("3603", "SK 1/2018"),
        ("7171", "SK 1/2018"),
    ]
    assert [e.facts["cities"] for e in Entry.objects.filter(verb="programme.members_named")] == [
        ["7171", "3603"]
    ]
