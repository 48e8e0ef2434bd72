"""Pages of the index: what they say, what they cost, and the bundle anybody may take."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from balai.programme.indexing import bundle, reproduce
from balai.programme.models import IndexRun
from tests.builders import client_of, make_city
from tests.programme_builders import DATA, make_run

pytestmark = pytest.mark.django_db


def test_without_a_run_the_page_says_so():
    body = client_of().get("/en/gerakan/indeks/").content.decode()

    assert "No index has been computed on this hub yet." in body


def test_the_ranking_is_read_in_two_queries_and_names_what_decides():
    run = make_run(invented=True)

    with CaptureQueriesContext(connection) as asked:
        body = client_of().get("/en/gerakan/indeks/").content.decode()

    assert len(asked) == 2
    assert "made up" in body
    assert "What decides most:" in body
    assert f"/en/gerakan/indeks/{run.pk}/tempat/B/" in body


def test_a_real_run_stands_on_the_profile_of_its_city_and_an_invented_one_does_not():
    make_city("3273")
    data = DATA.replace("A,", "3273,")
    make_run(data=data, invented=True, names={"3273": "Bandung"})
    before = client_of().get("/en/gerakan/kota/bandung/").content.decode()
    make_run(data=data, names={"3273": "Bandung"})

    after = client_of().get("/en/gerakan/kota/bandung/").content.decode()

    assert ("In the index" in before, "In the index" in after) == (False, True)


def test_other_weights_are_tried_and_nonsense_is_refused():
    run = make_run()
    url = f"/en/gerakan/indeks/{run.pk}/coba/"

    tried = client_of().get(f"{url}?power=0&normalise=goalposts&w_mobility=0&w_living=1")
    nothing = client_of().get(f"{url}?power=0&normalise=goalposts&w_mobility=0&w_living=0")
    wrong = client_of().get(f"{url}?power=7&normalise=goalposts&w_mobility=1&w_living=1")

    assert "Would come into the 2: C." in tried.content.decode()
    assert (nothing.status_code, wrong.status_code) == (422, 422)


def test_two_places_side_by_side():
    run = make_run()

    body = client_of().get(f"/en/gerakan/indeks/{run.pk}/banding/?one=B&other=D").content.decode()

    assert "B is before the other in 100 % of the computations." in body


def test_the_arithmetic_of_one_place_and_no_page_for_a_stranger_to_the_run():
    run = make_run()

    body = client_of().get(f"/en/gerakan/indeks/{run.pk}/tempat/B/").content.decode()
    lost = client_of().get(f"/gerakan/indeks/{run.pk}/tempat/Z/")

    assert "60.0" in body
    assert lost.status_code == 404


def test_the_bundle_is_what_can_be_computed_again():
    run = make_run()

    response = client_of().get(f"/gerakan/indeks/{run.pk}/berkas.zip")

    assert response.content == bundle(run)
    assert reproduce(response.content) == []


def test_scores_stand_under_their_headings_whatever_order_the_database_keeps():
    run = make_run()
    result = run.result
    for row in result["units"]:
        row["scores"] = dict(sorted(row["scores"].items(), key=lambda item: (len(item[0]), item[0])))
    IndexRun.objects.filter(pk=run.pk).update(result=result)

    page = client_of().get(f"/gerakan/indeks/{run.pk}/")

    first = page.context["units"][0]
    codes = [code for code, _name in page.context["nodes"]]
    assert codes == result["nodes"]
    assert first["cells"] == [first["scores"][code] for code in codes]
