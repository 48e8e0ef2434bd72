import csv
import datetime as dt
from io import BytesIO, StringIO

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from balai.agreements import affairs, findable, paper, register, reporting
from balai.agreements.models import Agreement, PaperCorrection
from balai.core import search
from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Entry
from balai.people.models import Organisation
from tests.agreements_builders import Cast, make_agreement, make_cast
from tests.builders import client_of, make_auditor, make_bureau, make_city, make_founder, make_user
from tests.lifecycle_builders import make_addendum, make_facts, make_paper, make_sealed
from tests.stories import make_pdf

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]

DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def sealer(settings):
    settings.DEMO, settings.SEAL_KEY = True, ""
    cache.clear()


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def found(user=None, **values) -> set:
    rows = register.registered(user or AnonymousUser())
    return set(register.narrowed(rows, values).values_list("pk", flat=True))


def cost(client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


# Filters.


def test_each_state_finds_its_own(cast: Cast) -> None:
    today = timezone.localdate()
    one = {
        "force": make_sealed(cast, ends_on=today + 91 * DAY),
        "ending": make_sealed(make_cast(), ends_on=today + 90 * DAY),
        "open": make_sealed(make_cast()),
        "lapsed": make_sealed(make_cast(), ends_on=today - DAY),
        "coming": make_agreement(make_cast()),
        "begins": make_sealed(make_cast(), starts_on=today + DAY),
        "paper": make_paper(cast.city, cast.agency, cast.bureau),
        "over": make_paper(
            cast.city, cast.agency, cast.bureau, title="Lama", city_number="2", ends_on=today - DAY
        ),
    }
    Agreement.objects.filter(pk=one["open"].pk).update(ends_on=None)

    def names(**values) -> set[str]:
        return {name for name, row in one.items() if row.pk in found(**values)}

    assert names() == set(one)
    assert names(state="force") == {"force", "ending", "open", "paper"}
    assert names(state="ending") == {"ending"}
    assert names(state="coming") == {"coming", "begins"}
    assert names(state="over") == {"lapsed", "over"}
    assert names(state="paper") == {"paper", "over"}
    assert names(within=89) == set()
    assert names(within=90) == {"ending"}
    assert names(within=91) == {"force", "ending"}
    assert register.counts(register.registered(AnonymousUser()).filter(city=cast.city)) == {
        "total": 8, "force": 4, "ending": 1, "coming": 2, "over": 2, "paper": 2, "documented": 0
    }  # fmt: skip


def test_filters_by_partner_agency_year_scheme_kind_affair_and_words(cast: Cast) -> None:
    sealed = make_sealed(cast)
    other = make_paper(cast.city, cast.agency, cast.bureau, affair="transport")
    firm = Organisation.objects.get(name="PT Lama Sekali")

    assert found(partner=cast.company.slug) == {sealed.pk}
    assert found(partner=firm.slug) == {other.pk}
    assert found(agency=cast.agency.slug) == {sealed.pk, other.pk}
    assert found(year="2019") == {other.pk}
    assert found(year=str(timezone.localdate().year)) == {sealed.pk}
    assert found(scheme="playground") == {sealed.pk}
    assert found(kind="pks", affair="transport") == {other.pk}
    assert found(q="134/1/2019") == found(q="parkir") == found(q="lama sekali") == {other.pk}
    assert found(q="tidak ada") == set()


def test_soonest_end_comes_first_and_what_is_over_last(cast: Cast) -> None:
    today = timezone.localdate()
    ends = (300, 5, -1, 40)
    rows = {days: make_sealed(make_cast(), ends_on=today + days * DAY) for days in ends}

    ordered, by = register.ordered(register.registered(AnonymousUser()), "ending")

    first = list(ordered.order_by(f"-{by}", "-pk").values_list("pk", flat=True))
    assert first == [rows[5].pk, rows[40].pk, rows[300].pk, rows[-1].pk]


@pytest.mark.parametrize("sort", ["new", "signed", "ending"])
def test_pages_of_every_order_hold_each_row_once(cast: Cast, sort: str, monkeypatch) -> None:
    today = timezone.localdate()
    for number in range(5):
        make_paper(
            cast.city, cast.agency, cast.bureau,
            title=f"Perjanjian {number}", city_number=f"9/{number}", ends_on=today + (number + 1) * DAY,
            signed_on=dt.date(2015 + number, 1, 1), starts_on=None,
        )  # fmt: skip
    from balai.core.pagination import paginate

    rows, by = register.ordered(register.registered(AnonymousUser()), sort)
    seen, cursor = [], None
    while True:
        page = paginate(rows, cursor, by=by, size=2)
        seen += [row.pk for row in page.rows]
        cursor = page.next
        if cursor is None:
            break

    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("path", "asked"),
    [("/perjanjian/?sort=ending", 4), ("/perjanjian/data.csv", 3), ("/perjanjian/infografis/", 3)],
)
def test_lists_cost_the_same_for_one_and_three(cast: Cast, rows: int, path: str, asked: int) -> None:
    for number in range(rows):
        make_paper(cast.city, cast.agency, cast.bureau, title=f"P{number}", city_number=f"{number}")
        make_agreement(make_cast())

    assert cost(client_of(None), path) == asked


@pytest.mark.parametrize("rows", [1, 3])
def test_yearly_report_costs_the_same(cast: Cast, rows: int) -> None:
    for number in range(rows):
        make_paper(cast.city, cast.agency, cast.bureau, title=f"P{number}", city_number=f"{number}")

    assert cost(client_of(None), "/perjanjian/laporan/2026.csv") == 2


def test_strangers_get_only_what_is_public(cast: Cast) -> None:
    sealed, hidden = make_sealed(cast), make_sealed(make_cast())
    hidden.collaboration.public_since = None
    hidden.collaboration.save()
    Agreement.objects.filter(pk=hidden.pk).update(title="Judul rahasia")

    pages = ["/perjanjian/?q=", "/perjanjian/data.csv", "/perjanjian/laporan/2026.csv"]
    answers = [client_of(None).get(page).content.decode() for page in pages]

    assert [("Judul rahasia" in text, sealed.title in text) for text in answers] == [(False, True)] * 3
    assert "Judul rahasia" in client_of(make_auditor()).get("/perjanjian/data.csv").content.decode()
    findable.refresh()
    assert [hit.url for hit in search.search("sepeda listrik", kinds=["agreement"])] == [
        f"/perjanjian/{sealed.pk}/"
    ]
    assert search.search("rahasia", kinds=["agreement"]) == []


def test_search_forgets_what_is_public_no_more(cast: Cast) -> None:
    sealed = make_sealed(cast)
    assert (findable.refresh(), len(search.search("sepeda", kinds=["agreement"]))) == (0, 1)

    sealed.collaboration.public_since = None
    sealed.collaboration.save()

    assert (findable.refresh(), search.search("sepeda", kinds=["agreement"])) == (1, [])


def test_csv_follows_the_filters_and_says_where_a_row_comes_from(cast: Cast) -> None:
    make_sealed(cast)
    make_paper(cast.city, cast.agency, cast.bureau, title="=HYPERLINK(1)", title_en="Paper")

    text = client_of(None).get("/perjanjian/data.csv?state=paper").content.decode()

    (row,) = csv.DictReader(StringIO(text))
    assert (row["title"], row["origin"]) == ("'=HYPERLINK(1)", "paper, not verified by the hub")
    assert (row["state"], row["signed_on"], row["parties"]) == (
        "force", "2019-09-13", f"{cast.agency.name}; PT Lama Sekali"
    )  # fmt: skip


@pytest.mark.parametrize(
    "query", ["?within=-4", "?within=x", "?year=abc", "?partner=%00", "?sort=?", "?state=z"]
)
def test_odd_filters_show_the_list_without_them(cast: Cast, query: str) -> None:
    make_sealed(cast)

    answer = client_of(None).get(f"/en/perjanjian/{query}")

    assert answer.status_code == 200
    assert "Trial of electric bicycles" in answer.content.decode()


# The field of government.


def test_vocabulary_has_the_32_affairs_in_both_languages() -> None:
    vocabulary = affairs.vocabulary()

    assert len(vocabulary.affairs) == len({affair.key for affair in vocabulary.affairs}) == 32
    assert vocabulary.certainty == "counsel"
    assert affairs.name_of("transport") == "Transport"
    assert affairs.name_of("unknown") == "unknown"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[vocabulary]\nversion = '1'\nsource = 's'\ncertainty = 'sure'\n", 4),
        ("[vocabulary]\nversion = '1'\nsource = 's'\ncertainty = 'counsel'\n[[affairs]]\nkey = 'a'\n", 5),
        ("nonsense", 0),
    ],
)
def test_faulty_vocabulary_names_its_line(text: str, line: int) -> None:
    with pytest.raises(affairs.AffairsError) as fault:
        affairs.parse(text)

    assert fault.value.line == line


def test_bureau_classifies_an_agreement_with_its_addenda(cast: Cast) -> None:
    sealed = make_sealed(cast)
    addendum = make_addendum(cast, sealed, articles=["dispute"])

    register.classify(agreement=sealed, affair="transport", by=cast.bureau)

    rows = Agreement.objects.filter(pk__in=(sealed.pk, addendum.pk)).values_list("affair", flat=True)
    assert list(rows) == ["transport", "transport"]
    with pytest.raises(Invalid):
        register.classify(agreement=sealed, affair="magic", by=cast.bureau)
    for user in (cast.officer, cast.founder, make_bureau(make_city("3578"))):
        with pytest.raises(Refused):
            register.classify(agreement=sealed, affair="health", by=user)


# Records from paper.


def test_recorded_from_paper_is_flagged_everywhere(cast: Cast) -> None:
    record = make_paper(cast.city, cast.agency, cast.bureau)

    flag = "not verified by the hub"
    pages = [
        "/en/perjanjian/",
        f"/en/perjanjian/{record.pk}/",
        "/en/perjanjian/infografis/",
        "/en/cari/?q=parkir",
    ]
    texts = [client_of(None).get(page).content.decode().lower() for page in pages]
    report = client_of(None).get("/en/perjanjian/laporan/2026.csv").content.decode()

    assert [flag in text for text in (*texts, report)] == [True] * 5
    assert reporting.summary().paper == 1
    (entry,) = Entry.objects.filter(subject=record.subject)
    assert (entry.verb, entry.facts["certainty"]) == ("agreement.recorded", "original")


def test_scan_is_inspected_and_kept_from_the_public(cast: Cast) -> None:
    with pytest.raises(Invalid) as fault:
        paper.record_paper(
            city=cast.city, facts=make_facts(cast.agency), by=cast.bureau, file=BytesIO(b"MZ"), name="a.pdf"
        )
    assert list(fault.value.fields) == ["file"]
    assert not Agreement.objects.exists()
    record = paper.record_paper(
        city=cast.city,
        facts=make_facts(cast.agency),
        by=cast.bureau,
        file=BytesIO(make_pdf("pindaian")),
        name="pindaian.pdf",
    )
    url = f"/perjanjian/{record.pk}/kertas/pindaian/"

    assert client_of(cast.bureau).get(url).status_code == 200
    assert [client_of(user).get(url).status_code for user in (None, make_user(), cast.founder)] == [
        302,
        404,
        404,
    ]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"title": ""}, "title"),
        ({"kind": "add"}, "kind"),
        ({"certainty": "sure"}, "certainty"),
        ({"source": " "}, "source"),
        ({"partners": ()}, "partners"),
        ({"partners": ("A", "a")}, "partners"),
        ({"partner_numbers": ("1", "2")}, "partner_numbers"),
        ({"affair": "magic"}, "affair"),
        ({"city_party": None}, "city_party"),
        ({"signed_on": dt.date(2099, 1, 1)}, "signed_on"),
        ({"signed_on": None, "starts_on": None, "ends_on": None}, "signed_on"),
        ({"ends_on": dt.date(2018, 1, 1)}, "ends_on"),
        ({"starts_on": dt.date(1066, 1, 1)}, "starts_on"),
    ],
)
def test_facts_that_cannot_be_name_their_field(cast: Cast, wrong, field) -> None:
    with pytest.raises(Invalid) as fault:
        make_paper(cast.city, cast.agency, cast.bureau, **wrong)

    assert list(fault.value.fields) == [field]


def test_only_the_citys_bureau_records_and_nothing_twice(cast: Cast) -> None:
    for user in (cast.officer, cast.founder, make_user(), make_bureau(make_city("3578"))):
        with pytest.raises(Refused):
            make_paper(cast.city, cast.agency, user)
    make_paper(cast.city, cast.agency, cast.bureau)
    for again in ({}, {"title": "Lain"}, {"city_number": "other"}):
        with pytest.raises(Invalid, match="cannot be kept"):
            make_paper(cast.city, cast.agency, cast.bureau, **again)


def test_correction_keeps_what_was_said_before(cast: Cast) -> None:
    record = make_paper(cast.city, cast.agency, cast.bureau)
    seen = paper.digest(paper.facts_of(record))
    better = make_facts(cast.agency, title="Parkir elektronik Blok M", ends_on=dt.date(2020, 1, 1))

    paper.correct_paper(agreement=record, facts=better, reason="Salah ketik.", by=cast.bureau, seen=seen)

    record.refresh_from_db()
    assert (record.title, record.state, record.ended_on) == (better.title, "ended", dt.date(2020, 1, 1))
    correction = PaperCorrection.objects.get()
    assert correction.changes == {
        "title": ["Parkir elektronik", "Parkir elektronik Blok M"],
        "ends_on": ["2099-09-12", "2020-01-01"],
    }
    page = client_of(None).get(f"/en/perjanjian/{record.pk}/").content.decode()
    assert "Salah ketik." in page
    with pytest.raises(Stale):
        paper.correct_paper(agreement=record, facts=better, reason="Lagi.", by=cast.bureau, seen=seen)
    same = paper.facts_of(Agreement.objects.get(pk=record.pk))
    assert paper.correct_paper(agreement=record, facts=same, reason="Sama.", by=cast.bureau) is None
    with pytest.raises(Refused):
        paper.correct_paper(agreement=record, facts=better, reason="Ya.", by=cast.officer)


def test_what_the_hub_sealed_is_not_corrected(cast: Cast) -> None:
    sealed = make_sealed(cast)

    with pytest.raises(Refused):
        paper.correct_paper(agreement=sealed, facts=make_facts(cast.agency), reason="Ya.", by=cast.bureau)
    assert client_of(cast.bureau).get(f"/perjanjian/{sealed.pk}/kertas/").status_code == 404


HEAD = "jenis;judul;pihak_kota;nomor_kota;mitra;tanggal_tanda_tangan;mulai;berakhir;urusan;sumber;kepastian"


def rows_of(cast: Cast, *lines: str) -> str:
    return "\n".join((HEAD, *lines)).replace("DINAS", cast.agency.name)


def test_file_is_previewed_with_faults_by_line_and_recorded_whole_or_not(cast: Cast) -> None:
    good = 'pks;Parkir;DINAS;1/2019;"PT Satu; PT Dua";13/09/2019;2019-09-13;2030-01-01;Perhubungan;Arsip;copy'
    bad = "pks;;DINAS;2/2019;PT Tiga;31/02/2019;;;sihir;Arsip;copy"
    client = client_of(cast.bureau)
    text = rows_of(cast, good, bad, good)
    file = SimpleUploadedFile("daftar.csv", ("\ufeff" + text).encode())

    preview = client.post("/en/perjanjian/kertas/banyak/", {"file": file})

    rows = paper.read_rows(text, cast.city)
    assert [(row.number, sorted(row.faults)) for row in rows] == [
        (2, []),
        (3, ["affair", "signed_on", "title"]),
        (4, ["title"]),
    ]
    assert (preview.status_code, Agreement.objects.count()) == (422, 0)
    page = preview.content.decode()
    assert "Write the date as 2019-09-13" in page
    assert "2 lines have faults" in page
    refused = client.post("/en/perjanjian/kertas/banyak/", {"content": text})
    assert (refused.status_code, Agreement.objects.count()) == (422, 0)

    whole = rows_of(cast, good, "mou;Kesepakatan;DINAS;;PT Satu;2018-01-02;;;;Arsip;")
    sound = client.post("/perjanjian/kertas/banyak/", {"file": SimpleUploadedFile("d.csv", whole.encode())})
    assert (sound.status_code, Agreement.objects.count()) == (200, 0)
    kept = client.post("/perjanjian/kertas/banyak/", {"content": whole})

    assert kept.status_code == 302
    pks = Agreement.objects.get(kind="pks")
    names = [party.organisation.name for party in pks.parties.order_by("place")]
    assert names == [cast.agency.name, "PT Satu", "PT Dua"]
    assert (pks.affair, Organisation.objects.filter(name="PT Satu").count()) == ("transport", 1)
    again = client.post("/perjanjian/kertas/banyak/", {"content": whole + "\n"})
    assert (again.status_code, Agreement.objects.count()) == (422, 2)


@pytest.mark.parametrize(
    "text", ["", "\n\n", "satu;dua\n1;2", "jenis,judul\npks,Ya", '"\n', "x" * 400_001, "\0" * 9]
)
def test_file_that_is_no_table_is_refused_with_a_sentence(cast: Cast, text: str) -> None:
    with pytest.raises(Invalid) as fault:
        paper.read_rows(text, cast.city)

    assert list(fault.value.fields) == ["file"]


def test_hub_knows_a_partner_by_its_name_whatever_the_case(cast: Cast) -> None:
    record = make_paper(cast.city, cast.agency, cast.bureau, partners=(cast.company.name.upper(),))

    assert record.parties.get(place=2).organisation == cast.company
    other = make_paper(
        cast.city, cast.agency, cast.bureau, title="B", city_number="7", partners=("PT Tak Dikenal",)
    )
    unknown = other.parties.get(place=2).organisation
    assert (unknown.active, unknown.listed) == (False, False)


def test_paper_pages_are_for_the_bureau(cast: Cast) -> None:
    record = make_paper(cast.city, cast.agency, cast.bureau)
    paths = ["/perjanjian/kertas/", "/perjanjian/kertas/banyak/", f"/perjanjian/{record.pk}/kertas/"]

    def answers(user) -> list[int]:
        return [client_of(user).get(path).status_code for path in paths]

    assert answers(cast.bureau) == [200, 200, 200]
    assert answers(cast.officer) == answers(make_founder()) == [403, 403, 403]
    assert answers(None) == [302, 302, 302]


# Figures and the yearly report.


def test_summary_adds_up_the_public_register(cast: Cast) -> None:
    today = timezone.localdate()
    sealed = make_sealed(cast, ends_on=today + 10 * DAY)
    make_addendum(cast, sealed, upto="sealed", articles=["dispute"])
    make_paper(cast.city, cast.agency, cast.bureau, affair="transport", ends_on=today - DAY)
    make_agreement(make_cast())

    now = reporting.summary()

    assert (now.signed, now.in_force, now.ending, now.over) == (2, 1, 1, 1)
    assert (now.addenda, now.paper, now.documented, now.partners) == (1, 1, 0, 2)
    assert [(t.key, t.count) for t in now.by_year] == [("2019", 1), (str(today.year), 1)]
    assert [(t.key, t.count) for t in now.by_scheme] == [("playground", 1)]
    assert [(t.key, t.count) for t in now.by_affair] == [("transport", 1), ("", 1)]
    assert now.timed == 1
    assert now.days == pytest.approx(0, abs=0.01)


def test_median_counts_from_the_application_to_the_seal(cast: Cast) -> None:
    for days in (10, 20, 60):
        one = make_cast()
        sealed = make_sealed(one)
        one.collaboration.submitted_at = sealed.sealed_at - days * DAY
        one.collaboration.save()

    now = reporting.summary()

    assert (now.days, now.timed) == (20, 3)


def test_infographic_is_readable_without_pictures_and_login(cast: Cast) -> None:
    make_paper(cast.city, cast.agency, cast.bureau, affair="transport")

    pages = {language: client_of(None).get(f"{language}/perjanjian/infografis/") for language in ("", "/en")}

    assert "Perhubungan" in pages[""].content.decode()
    text = pages["/en"].content.decode()
    assert text.count('<svg class="chart"') == text.count('<table class="cards">') == 4
    assert "not an official form of the ministry" in text


def test_yearly_report_follows_its_map_of_columns(cast: Cast) -> None:
    today = timezone.localdate()
    sealed = make_sealed(cast)
    make_addendum(cast, sealed, upto="sealed", articles=["dispute"])
    make_paper(cast.city, cast.agency, cast.bureau, ends_on=dt.date(2021, 6, 30))

    def report(year: int) -> list[dict]:
        text = client_of(None).get(f"/en/perjanjian/laporan/{year}.csv").content.decode("utf-8-sig")
        return list(csv.DictReader(StringIO(text)))

    (row,) = report(2021)
    assert (row["No."], row["Title"], row["Until"]) == ("1", "Parkir elektronik", "2021-06-30")
    assert row["State at the end of the year reported"] == "ended"
    assert report(2020)[0]["State at the end of the year reported"] == "in force"
    assert report(2018) == []
    (row,) = report(today.year)
    assert (row["Number of addenda"], row["Third parties"]) == ("1", cast.company.name)
    assert reporting.form().certainty == "ours"


@pytest.mark.parametrize(
    "text",
    [
        "[report]\nversion = '1'\nsource = 's'\ncertainty = 'ours'\n",
        "[report]\nversion = '1'\nsource = 's'\ncertainty = 'ours'\n[[columns]]\nvalue = 'magic'\n",
        "[report]\nversion = '1'\n",
    ],
)
def test_faulty_map_of_columns_is_refused(text: str) -> None:
    with pytest.raises(reporting.ReportError):
        reporting.parse_form(text)


def test_year_nobody_can_mean_is_not_found() -> None:
    assert client_of(None).get("/perjanjian/laporan/999999.csv").status_code == 404


# Pages of what follows the seal.


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_addendum_is_begun_and_ended_from_the_pages(cast: Cast, prefix: str) -> None:
    sealed = make_sealed(cast)
    client, root = client_of(cast.founder), f"{prefix}/perjanjian/{sealed.pk}/"
    day = (sealed.ends_on + 10 * DAY).isoformat()

    assert client.post(f"{root}adendum/", {"reason": ""}).status_code == 422
    made = client.post(f"{root}adendum/", {"reason": "Perlu waktu.", "ends_on": day, "articles": ["scope"]})

    addendum = Agreement.objects.get(amends=sealed)
    assert made.url == f"{prefix}/perjanjian/{addendum.pk}/"
    assert client.get(f"{root}adendum/").url == made.url
    assert [c.key for c in addendum.versions.get().reading.clauses] == [
        "addendum_basis", "scope", "term", "addendum_rest"
    ]  # fmt: skip
    pages = [root, made.url, f"{root}gabungan/", f"{root}akhir/"]
    assert [client.get(page).status_code for page in pages] == [200] * 4
    assert [client_of(None).get(page).status_code for page in pages] == [200, 200, 404, 302]


def test_ending_is_proposed_and_answered_on_one_page(cast: Cast) -> None:
    sealed = make_sealed(cast)
    root = f"/en/perjanjian/{sealed.pk}/akhir/"
    day = (timezone.localdate() + 4 * DAY).isoformat()
    asked = {"way": "consent", "text": "Selesai lebih awal.", "effective_on": day}

    short = client_of(cast.officer).post(root, asked | {"way": "notice"})
    assert (short.status_code, "30 days of notice" in short.content.decode()) == (422, True)
    assert client_of(cast.officer).post(root, asked).status_code == 302
    page = client_of(cast.founder).get(root).content.decode()
    assert "Agree to exactly this" in page
    assert "Selesai lebih awal." not in client_of(None).get(f"/en/perjanjian/{sealed.pk}/").content.decode()
    ending = sealed.terminations.get()
    answer = f"{root}{ending.pk}/setuju/"
    assert client_of(cast.founder).post(answer, {"seen": "0" * 64}).status_code == 409
    assert client_of(cast.founder).post(answer, {"seen": ending.sha256}).status_code == 302

    assert "Selesai lebih awal." in client_of(None).get(f"/en/perjanjian/{sealed.pk}/").content.decode()
    assert client_of(cast.founder).post(f"{root}{ending.pk}/tolak/").status_code == 403


def test_text_as_amended_is_marked_as_a_reading_aid(cast: Cast) -> None:
    sealed = make_sealed(cast)
    addendum = make_addendum(cast, sealed, upto="sealed", articles=["dispute"])
    url = f"/en/perjanjian/{sealed.pk}/gabungan/"

    page = client_of(cast.founder).get(url).content.decode()

    assert "Only the sealed documents bind." in page
    assert page.count("as Addendum 1 has it") == 1
    Agreement.objects.filter(pk=sealed.pk).update(text_public=True)
    assert client_of(None).get(url).status_code == 404
    Agreement.objects.filter(pk=addendum.pk).update(text_public=True)
    assert client_of(None).get(url).status_code == 200


def test_correction_on_the_page_of_what_changed_meanwhile_is_refused(cast: Cast) -> None:
    record = make_paper(cast.city, cast.agency, cast.bureau)
    url = f"/perjanjian/{record.pk}/kertas/"
    client = client_of(cast.bureau)
    start = client.get(url).context["form"].initial
    sent = {name: value for name, value in start.items() if value is not None}
    sent |= {"city_party": cast.agency.pk, "reason": "Salah ketik."}

    first = client.post(url, sent | {"title": "Satu"})
    second = client_of(cast.bureau).post(url, sent | {"title": "Dua"})

    assert (first.status_code, second.status_code) == (302, 409)
    assert Agreement.objects.get(pk=record.pk).title == "Satu"
