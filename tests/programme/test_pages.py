"""Pages of the movement: a city's profile, its evaluation from opening to publication, an intake's cities."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from balai.programme.assessing import close_evaluation, judge_readiness, publish_methods
from balai.programme.models import Cohort, CohortMembership, Evaluation
from balai.programme.models.assessment import COMPONENTS
from tests.builders import client_of, make_analyst, make_city, make_user
from tests.indicators_builders import make_value
from tests.programme_builders import make_assessor, make_evaluation, make_ministry_person

pytestmark = pytest.mark.django_db


def test_a_profile_shows_figures_against_past_and_peers():
    bandung = make_city("3273")
    make_value("52", city=bandung, period="2023")
    make_value("41", city=bandung, period="2024")
    make_value("44", city=make_city("3578"))
    make_value("50", city=make_city("3374"))
    make_value("9", city=make_city("32", kind="province"))

    body = client_of().get("/en/gerakan/kota/bandung/").content.decode()

    assert "median 47 of 2 other places" in body
    assert ">better<" in body


def test_a_changed_method_is_said_and_not_compared():
    city = make_city()
    make_value("53", city=city, period="2023", method_version="TomTom 2023")
    make_value("43", city=city, period="2024", method_version="TomTom 2024")

    body = client_of().get("/en/gerakan/kota/jakarta/").content.decode()

    assert "The method changed: TomTom 2023 and TomTom 2024 are not compared." in body
    assert ">better<" not in body


def test_the_profile_costs_the_same_with_one_figure_and_with_three():
    city = make_city()
    analyst = make_analyst(city)
    counts = []
    for number in (1, 2, 3):
        make_value(str(number), city=city, code=f"MOB-0{number}")
        judge_readiness(city=city, year=2026, element="structure.money", level=2, evidence="APBD", by=analyst)
        with CaptureQueriesContext(connection) as asked:
            client_of().get("/gerakan/kota/jakarta/")
        counts.append(len(asked))

    assert counts[1:] == [counts[0]] * 2


def test_an_evaluation_from_its_opening_to_its_publication():
    publish_methods()
    city, ministry = make_city(), make_ministry_person()
    client = client_of(ministry)
    judges = [make_user(f"penilai{n}@contoh.id") for n in range(2)]

    opened = client.post("/gerakan/evaluasi/baru/", {"city": city.pk, "year": 2026, "method": "sleman"})
    url = opened.url
    for judge in judges:
        client.post(f"{url}tunjuk/", {"email": judge.email})
        answers = dict.fromkeys(COMPONENTS, "70") | {f"{key}_reason": "Dokumen 7" for key in COMPONENTS}
        client_of(judge).post(f"{url}nilai/", answers)
    client_of(make_analyst(city)).post(
        f"{url}survei/",
        {
            "programme": "Aduan",
            "dimension": "governance",
            "held_from": "2026-05-01",
            "held_until": "2026-05-09",
            "how": "acak",
        }
        | {f"n{n}": "12" for n in range(1, 6)},
    )
    before = client_of().get(url).status_code
    client.post(f"{url}tutup/")
    body = client_of().get(f"/en{url}").content.decode()

    assert (before, Evaluation.objects.get().closed_at is not None) == (404, True)
    assert "Evaluation of Jakarta 2026" in body
    assert "70" in body
    assert "Dokumen 7" in body
    assert [judge.email for judge in judges if judge.email in body or judge.name in body] == []


def test_scores_out_of_bounds_are_kept_in_the_form():
    assessor = make_assessor(make_evaluation())
    url = f"/en/gerakan/evaluasi/{assessor.evaluation_id}/nilai/"

    response = client_of(assessor.user).post(url, {"impact": "101", "impact_reason": "Bukti lapangan"})

    assert response.status_code == 422
    assert "Bukti lapangan" in response.content.decode()


def test_an_assessor_steps_aside():
    assessor = make_assessor(make_evaluation(), "60 60 60 60 60")
    url = f"/gerakan/evaluasi/{assessor.evaluation_id}/mundur/"

    response = client_of(assessor.user).post(url, {"reason": "Saudara bekerja di sana"})

    assessor.refresh_from_db()
    assert (response.status_code, assessor.conflict) == (302, "Saudara bekerja di sana")


def test_the_list_of_evaluations_costs_the_same_with_one_and_with_three():
    counts = []
    for year in (2024, 2025, 2026):
        evaluation = make_evaluation(year=year)
        for _n in range(2):
            make_assessor(evaluation, "60 60 60 60 60")
        close_evaluation(evaluation=evaluation, by=make_ministry_person())
        with CaptureQueriesContext(connection) as asked:
            client_of().get("/gerakan/evaluasi/")
        counts.append(len(asked))

    assert counts == [1, 1, 1]


def test_the_page_of_an_evaluation_costs_the_same_with_two_assessors_and_with_four():
    evaluation = make_evaluation()
    ministry = client_of(make_ministry_person())
    counts = []
    for _n in range(2):
        for _m in range(2):
            make_assessor(evaluation, "60 60 60 60 60")
        with CaptureQueriesContext(connection) as asked:
            ministry.get(f"/gerakan/evaluasi/{evaluation.pk}/")
        counts.append(len(asked))

    assert counts[0] == counts[1] <= 20


def test_the_ministry_names_the_cities_of_an_intake():
    Cohort.objects.create(year=2018, name="2018", source="Aptika")
    make_city("7171")
    values = {"codes": "7171, 9998", "source": "SK 1/2018", "as_of": "2018-05-08"}

    refused = client_of(make_analyst()).post("/gerakan/angkatan/2018/kota/", values)
    done = client_of(make_ministry_person()).post("/en/gerakan/angkatan/2018/kota/", values, follow=True)

    assert refused.status_code == 403
    assert "Not known here: 9998." in done.content.decode()
    assert list(CohortMembership.objects.values_list("city", "source")) == [("7171", "SK 1/2018")]


def test_a_city_judges_its_own_readiness_by_page():
    city = make_city()
    values = {"year": "2026", "element": "infrastructure.digital", "level": "3", "evidence": "Serat optik"}

    refused = client_of(make_user()).post("/gerakan/kota/jakarta/kesiapan/", values)
    client_of(make_analyst(city)).post("/gerakan/kota/jakarta/kesiapan/", values)
    body = client_of().get("/en/gerakan/kota/jakarta/").content.decode()

    assert refused.status_code == 403
    assert "3/4" in body
    assert "Serat optik" in body
