import pytest
from django.db import transaction
from django.utils import timezone

from balai.core import ledger
from balai.core.models import Follow, Notification, Preference
from balai.core.notifications import paces_of
from tests.builders import client_of, make_company, make_user

pytestmark = pytest.mark.django_db


def told(user, organisation=None, **extra) -> Notification:
    """One piece of news about an organisation."""
    organisation = organisation or make_company()
    with transaction.atomic():
        entry = ledger.append(
            verb="organisation.registered",
            subject=f"organisation:{organisation.pk}",
            by=None,
            organisation=organisation.pk,
            public=True,
        )
    values = {"kind": "account", "thread": entry.thread, "verb": entry.verb, "at": entry.at} | extra
    return Notification.objects.create(user=user, entry=entry.seq, **values)


def test_one_sees_only_ones_own_news() -> None:
    user, other = make_user(), make_user()
    told(user, make_company(name="Angkut Bersama"))
    told(other, make_company(name="Rahasia Orang Lain"))
    told(user, make_company(name="Hanya Lewat Surat"), in_hub=False)

    page = client_of(user).get("/pemberitahuan/").content.decode()

    assert [name in page for name in ("Angkut Bersama", "Rahasia Orang Lain", "Hanya Lewat Surat")] == [
        True,
        False,
        False,
    ]


def test_opening_marks_as_read_and_leads_to_the_page() -> None:
    user = make_user()
    company = make_company()
    row = told(user, company)

    answer = client_of(user).get(f"/en/pemberitahuan/{row.pk}/")

    row.refresh_from_db()
    assert (answer.url, row.read_at is not None) == (f"/en/mitra/{company.slug}/", True)


def test_anothers_news_cannot_be_opened_or_read() -> None:
    row = told(make_user())
    client = client_of(make_user())

    assert client.get(f"/pemberitahuan/{row.pk}/").status_code == 404
    client.post("/pemberitahuan/dibaca/", {"upto": row.pk})

    row.refresh_from_db()
    assert row.read_at is None


def test_what_came_in_after_the_page_stays_new() -> None:
    user = make_user()
    first, second, later = told(user), told(user), told(user)

    client_of(user).post("/pemberitahuan/dibaca/", {"upto": second.pk})

    read = [n.read_at is not None for n in Notification.objects.order_by("pk")]
    assert ([first.pk, second.pk, later.pk], read) == (
        sorted(n.pk for n in (first, second, later)),
        [True, True, False],
    )


@pytest.mark.parametrize("upto", ["", "x", "-1", "9" * 30, "١", "\x00"])
def test_a_damaged_mark_reads_nothing(upto: str) -> None:
    user = make_user()
    row = told(user)

    answer = client_of(user).post("/pemberitahuan/dibaca/", {"upto": upto})

    row.refresh_from_db()
    assert (answer.status_code, row.read_at) == (302, None)


@pytest.mark.parametrize("cursor", ["x", "e30", "%00", "9" * 2000])
def test_a_damaged_page_address_is_refused(cursor: str) -> None:
    assert client_of(make_user()).get(f"/pemberitahuan/?after={cursor}").status_code == 422


def test_the_list_has_a_fixed_cost(django_assert_num_queries) -> None:
    user = make_user()
    told(user)
    client = client_of(user)
    # session, person, rows, entries, organisations, unread news
    with django_assert_num_queries(6):
        client.get("/pemberitahuan/")
    told(user)
    told(user)
    with django_assert_num_queries(6):
        client.get("/pemberitahuan/")


def test_older_news_is_on_the_next_page() -> None:
    user = make_user()
    company = make_company()
    for _ in range(27):
        told(user, company, at=timezone.now())
    client = client_of(user)

    first = client.get("/pemberitahuan/")
    second = client.get(f"/pemberitahuan/?after={first.context['page'].next}")

    seen = [row.pk for row, _ in first.context["lines"] + second.context["lines"]]
    assert seen == sorted(Notification.objects.values_list("pk", flat=True), reverse=True)


def test_choices_are_kept_per_kind_and_channel() -> None:
    user = make_user()
    form = {f"{kind}-{channel}": pace for (kind, channel), pace in paces_of(user).items()}
    client = client_of(user)

    answer = client.post("/pemberitahuan/pilihan/", form | {"need-mail": "weekly", "pilot-hub": "never"})

    assert answer.status_code == 302
    assert sorted(Preference.objects.values_list("user", "kind", "channel", "pace")) == [
        (user.pk, "need", "mail", "weekly"),
        (user.pk, "pilot", "hub", "never"),
    ]
    assert client.post("/pemberitahuan/pilihan/", form | {"need-mail": "hourly"}).status_code == 422
    assert Preference.objects.get(kind="need").pace == "weekly"


def test_following_ends_where_one_says_so() -> None:
    user, other = make_user(), make_user()
    company = make_company(name="Angkut Bersama")
    for person in (user, other):
        Follow.objects.create(user=person, thread=f"organisation:{company.pk}")
    client = client_of(user)

    assert "Angkut Bersama" in client.get("/pemberitahuan/pilihan/").content.decode()
    client.post("/pemberitahuan/berhenti/", {"thread": f"organisation:{company.pk}"})

    assert list(Follow.objects.values_list("user", flat=True)) == [other.pk]


@pytest.mark.parametrize("path", ["/kotak-masuk/", "/pemberitahuan/", "/pemberitahuan/pilihan/"])
@pytest.mark.parametrize("language", ["", "/en"])
def test_the_pages_render_empty(path: str, language: str) -> None:
    assert client_of(make_user()).get(language + path).status_code == 200
