"""Tags, frame and refusals."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import RequestFactory, override_settings
from django.urls import Resolver404, resolve
from django.utils.translation import override

from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Notification
from balai.portal.components import Bead, Hop, beads
from balai.portal.context import hub
from balai.portal.forms import refuse
from balai.portal.gallery.views import Sample
from balai.portal.middleware import RefusalMiddleware
from balai.portal.templatetags import balai as tags
from tests.builders import make_user


def states(row: list[Bead]) -> list[str]:
    return [bead.state for bead in row]


def test_strip_shows_what_was_is_and_will_be():
    assert states(beads("decision")) == ["done"] * 3 + ["now"] + ["next"] * 4


def test_strip_of_a_stop_keeps_its_place():
    assert states(beads("pilot", stopped=True)) == ["done"] * 5 + ["stopped"] + ["next"] * 2


def test_strip_leaves_out_a_phase_that_never_was():
    row = beads("agreement", done={"challenge", "application", "decision"})

    assert [str(bead.label) for bead in row][:2] != ["Need", "Challenge"]
    assert states(row) == ["done"] * 3 + ["now"] + ["next"] * 3


def test_finished_strip_has_nothing_to_come():
    assert states(beads("exit", finished=True)) == ["done"] * 8


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(1250000, "Rp 1.250.000"), (Decimal("999.50"), "Rp 1.000"), (0, "Rp 0"), (None, "")],
)
@pytest.mark.parametrize("language", ["id", "en"])
def test_rupiah(amount, expected, language):
    with override(language):
        assert tags.rupiah(amount) == expected


@pytest.mark.parametrize(("language", "expected"), [("id", "13 September 2019"), ("en", "13 September 2019")])
def test_day_is_the_citys_day(language, expected):
    late = datetime(2019, 9, 12, 20, 0, tzinfo=UTC)  # already the 13th in Jakarta

    with override(language):
        assert [tags.day(date(2019, 9, 13)), tags.day(late), tags.day(None)] == [expected, expected, ""]


def test_tags_escape_what_people_wrote():
    evil = '<script>alert("x")</script>'
    page = Template(
        "{% page_head evil lead=evil %}{% status evil %}{% empty evil text=evil %}{% thread hops %}"
        "{% facts rows %}{% actor evil role=evil %}{% notice title=evil %}{{ evil }}{% endnotice %}"
        "{% disclosure evil %}{{ evil }}{% enddisclosure %}{% thread_strip 'pilot' turn=evil %}"
    )
    hops = [Hop("need", "now", evil, actor=evil, text=evil, turn=evil)]

    html = page.render(Context({"evil": evil, "hops": hops, "rows": [(evil, evil)]}))

    assert html.count("<script") == 0
    assert html.count("&lt;script&gt;") == 18


def test_unknown_dimension_draws_nothing():
    assert tags.dimension("swimming") == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "language", "expected"),
    [
        ("/komponen/?a=1", "en", "/en/komponen/?a=1"),
        ("/en/komponen/?a=1", "id", "/komponen/?a=1"),
        ("/komponen/", "id", "/komponen/"),
    ],
)
def test_language_link_leads_to_the_same_page(path, language, expected):
    request = RequestFactory().get(path)
    with override("en" if path.startswith("/en/") else "id"):
        request.resolver_match = resolve(request.path)
        link = tags.language_url(Context({"request": request}), language)

    assert link == expected


@pytest.mark.django_db
def test_frame_counts_unread_news_in_one_query_and_only_for_people(django_assert_num_queries):
    user, other = (
        make_user(email="rina@contoh.id", name="Rina"),
        make_user(email="budi@contoh.id", name="Budi"),
    )
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for number, (reader, read_at, in_hub) in enumerate(
        [(user, None, True), (user, None, True), (user, now, True), (user, None, False), (other, None, True)]
    ):
        Notification.objects.create(
            user=reader,
            entry=number,
            kind="need",
            thread="need:x",
            verb="x",
            at=now,
            read_at=read_at,
            in_hub=in_hub,
        )
    request = RequestFactory().get("/")

    request.user = user
    with django_assert_num_queries(1):
        assert hub(request)["inbox_count"] == 2
    request.user = AnonymousUser()
    with django_assert_num_queries(0):
        assert hub(request)["inbox_count"] == 0


def test_navigation_marks_where_one_is():
    with override("id"):
        links = hub(RequestFactory().get("/mitra/grab/"))["navigation"]

    assert [(link.url, link.current) for link in links if link.current] == [("/mitra/", True)]


def test_action_faults_land_on_their_fields():
    form = Sample({})
    form.is_valid()
    form.errors.clear()

    refuse(form, Invalid("No.", {"title": ["Too long."], "elsewhere": ["Not here."]}))

    assert form.errors == {"title": ["Too long."], "__all__": ["Not here."]}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fault", "status", "title"),
    [
        (Refused("The mandate is missing."), 403, "This is not possible yet"),
        (Stale("The mandate is missing."), 409, "Somebody was faster"),
        (Invalid("The mandate is missing."), 422, "Something does not fit yet"),
    ],
)
def test_refusal_says_what_is_safe_and_what_next(fault, status, title):
    request = RequestFactory().get("/en/x/", headers={"referer": "http://evil.example/"})
    request.user = AnonymousUser()

    with override("en"):
        page = RefusalMiddleware(lambda _request: HttpResponse()).process_exception(request, fault)

    text = page.content.decode()
    assert page.status_code == status
    assert [
        text.count(f"<h1>{title}</h1>"),
        text.count("The mandate is missing."),
        text.count("evil.example"),
    ] == [
        1,
        1,
        0,
    ]


def test_other_exceptions_are_not_dressed_up():
    assert (
        RefusalMiddleware(lambda _r: HttpResponse()).process_exception(
            RequestFactory().get("/"), ValueError()
        )
        is None
    )


@pytest.mark.django_db
def test_gallery_is_closed_to_the_public(client):
    assert client.get("/komponen/").status_code == 404


@pytest.mark.django_db
@override_settings(DEMO=True)
def test_gallery_asks_the_database_nothing(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        page = client.get("/komponen/")

    assert page.status_code == 200


def test_failure_page_needs_nothing_but_itself():
    text = Template("{% include '500.html' %}").render(Context())

    assert text.count("<h1>") == 1


def test_service_worker_watches_from_the_root(client):
    reply = client.get("/sw.js")

    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/javascript")
    assert len(b"".join(reply.streaming_content).splitlines()) <= 40


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["id", "en"])
def test_every_link_of_the_frame_leads_somewhere(settings, language):
    settings.DEMO = True
    request = RequestFactory().get("/" if language == "id" else "/en/")
    request.user = make_user(email="rina@contoh.id", name="Rina")
    with override(language):
        html = render_to_string("offline.html", request=request)
        addresses = {
            link for link in re.findall(r'(?:href|action)="(/[^"#]*)"', html) if "/static/" not in link
        }
        lost = sorted(link for link in addresses if not _resolves(link))

    assert lost == []
    assert len(addresses) >= 14


def _resolves(address: str) -> bool:
    try:
        with override("en" if address.startswith("/en/") else "id"):
            resolve(address.partition("?")[0])
    except Resolver404:
        return False
    return True
