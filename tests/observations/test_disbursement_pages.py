"""The pages of the books: who reads them, what they say, and what they cost."""

import csv
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.utils import timezone

from balai.observations import reconciling
from balai.observations.contracts import read_contract
from balai.observations.engines import DuckEngine
from balai.observations.models import DataContract, StoreFile
from balai.people.models import User
from tests.api.place import caller, key_of, send
from tests.builders import client_of, make_auditor, make_bureau, make_company, make_founder, make_user
from tests.disbursement_builders import disbursements_in_force, store, told
from tests.observations_builders import put_in_force

pytestmark = pytest.mark.django_db

LIST = "/data/duithape-aid/1/pencairan/"
ONE = "/data/duithape-aid/1/pencairan/BANSOS-1/"
CSV = "/data/duithape-aid/1/pencairan.csv"
LINES = "/data/duithape-aid/1/pencairan/BANSOS-1/perintah.csv"
PAGES = (LIST, ONE, CSV, LINES)


@pytest.fixture
def contract(settings, tmp_path: Path) -> DataContract:
    settings.HOME = tmp_path
    return disbursements_in_force()


def books(contract: DataContract) -> None:
    """One batch of three: paid twice, failed, and open."""
    store(
        contract,
        told("instructed", 300_000),
        told("paid", 300_000, 5),
        told("paid", 300_000, 9),
        told("instructed", 250_000, instruction="P2"),
        told("failed", None, 7, instruction="P2", failure_code="rjct.payee_fa.invalid"),
        told("instructed", 1_200_000, instruction="P3"),
    )


def inside(contract: DataContract) -> list[User]:
    return [make_founder(contract.partner), make_bureau(contract.city), make_auditor(contract.city)]


def read(user: User, path: str, language: str = "") -> str:
    answer = client_of(user).get(f"/{language}{path}".replace("//", "/"))
    assert answer.status_code == 200
    return answer.getvalue().decode()


def test_those_at_either_end_read_the_books_and_nobody_else(contract: DataContract) -> None:
    books(contract)
    outside = [make_user(), make_founder(make_company(name="PT Pesaing"))]

    for path in PAGES:
        assert [client_of(one).get(path).status_code for one in inside(contract)] == [200, 200, 200]
        assert [client_of(one).get(path).status_code for one in outside] == [403, 403]
        assert client_of().get(path).status_code == 302


def test_a_list_shows_each_batch_to_the_rupiah(contract: DataContract) -> None:
    books(contract)
    store(contract, told("instructed", 5_000_000, 30, payment_batch="BANSOS-2"))
    bureau = make_bureau(contract.city)

    page = read(bureau, LIST)

    assert page.index("BANSOS-2") < page.index("BANSOS-1")
    for amount in (
        "Rp 1.750.000",
        "Rp 600.000",
        "Rp 250.000",
        "Rp 1.200.000",
        "Rp 5.000.000",
        "Rp 6.750.000",
    ):
        assert amount in page
    assert "1 temuan" in page
    assert "1 finding" in read(bureau, LIST, "en")


def test_a_batch_shows_its_equation_and_what_does_not_fit(contract: DataContract) -> None:
    books(contract)
    bureau = make_bureau(contract.city)

    page, english = read(bureau, ONE), read(bureau, ONE, "en")

    equation = [
        ("Instructed", "Rp 1.750.000"),
        ("+ paid and meant by nobody", "Rp 300.000"),
        ("= paid", "Rp 600.000"),
        ("− came back", "Rp 0"),
        ("+ failed", "Rp 250.000"),
        ("+ still open", "Rp 1.200.000"),
    ]
    rows = [
        f'<th scope="row">{words}</th><td class="number" data-label="Amount">{sum_}</td>'
        for words, sum_ in equation
    ]
    assert all(row in english for row in rows)
    assert "came back and was never paid" not in english
    assert "paid more than once · 1" in english
    assert "rjct.payee_fa.invalid" in english
    assert [f"<code>{number}</code>" in english for number in ("P1", "P2", "P3")] == [True, False, True]
    assert "dibayar lebih dari sekali · 1" in page


def test_the_tables_for_download_hold_every_batch_and_every_instruction(contract: DataContract) -> None:
    books(contract)
    bureau = make_bureau(contract.city)

    (batch,) = csv.DictReader(StringIO(read(bureau, CSV)))
    lines = list(csv.DictReader(StringIO(read(bureau, LINES))))

    sums = ("instructed", "paid", "returned", "failed", "open", "over", "under")
    assert [int(batch[name]) for name in sums] == [1_750_000, 600_000, 0, 250_000, 1_200_000, 300_000, 0]
    assert (batch["currency"], batch["instructions"], batch["paid_twice"]) == ("IDR", "3", "1")
    assert [(line["instruction"], line["state"], line["findings"]) for line in lines] == [
        ("P1", "settled", "paid_twice"),
        ("P3", "open", ""),
        ("P2", "failed", ""),
    ]
    assert lines[2]["failure_code"] == "rjct.payee_fa.invalid"


def test_the_instructions_of_a_batch_go_out_as_they_are_read(contract: DataContract, monkeypatch) -> None:
    store(contract, *[told("instructed", 1000, n, instruction=f"P{n}") for n in range(7)])
    monkeypatch.setattr(reconciling, "AT_ONCE", 3)
    asked: list[int] = []
    count = DuckEngine.pages

    def counted(engine: DuckEngine, sql: str, rows: int):
        for page in count(engine, sql, rows):
            asked.append(len(page))
            yield page

    monkeypatch.setattr(DuckEngine, "pages", counted)
    answer = client_of(make_bureau(contract.city)).get(LINES)

    lines = iter(answer.streaming_content)
    first = [next(lines) for _line in range(2)]
    early = list(asked)
    rest = list(lines)

    assert (early, asked) == ([3], [3, 3, 1])
    numbers = [line["instruction"] for line in csv.DictReader(b"".join(first + rest).decode().splitlines())]
    assert numbers == [f"P{n}" for n in range(7)]


def test_machines_read_the_same_books(contract: DataContract) -> None:
    books(contract)
    store(contract, told("instructed", 5_000_000, 30, payment_batch="BANSOS-2"))
    path = "/data/contracts/duithape-aid/1/reconciliation"
    founder, rival = (make_founder(one) for one in (contract.partner, make_company(name="PT Pesaing")))
    client = caller(key_of(founder))

    both, one = send(client, "GET", path).json(), send(client, "GET", f"{path}/BANSOS-1").json()

    assert [batch["batch"] for batch in both["batches"]] == ["BANSOS-2", "BANSOS-1"]
    assert (both["currency"], both["simulated"], both["total"]["instructed"]) == ("IDR", False, 6_750_000)
    assert one["account"] == both["batches"][1]
    assert one["account"]["findings"] == {"paid_twice": 1}
    assert one["reasons"] == [{"code": "rjct.payee_fa.invalid", "count": 1, "amount": 250_000}]
    assert [(line["instruction"], line["state"]) for line in one["lines"]] == [
        ("P1", "settled"),
        ("P3", "open"),
        ("P2", "failed"),
    ]
    assert one["more"] is False
    later = (timezone.localdate() + timedelta(days=1)).isoformat()
    assert send(client, "GET", f"{path}?since={later}").json()["batches"] == []
    assert send(client, "GET", f"{path}/BANSOS-9").status_code == 404
    for stranger in (caller(), caller(key_of(rival))):
        assert [send(stranger, "GET", p).status_code for p in (path, f"{path}/BANSOS-1")] == [403, 403]


def test_nothing_reported_is_said_so(contract: DataContract) -> None:
    bureau = make_bureau(contract.city)

    assert "No disbursement has been reported." in read(bureau, LIST, "en")
    assert client_of(bureau).get(ONE).status_code == 404
    assert client_of(bureau).get(LINES).status_code == 404


def test_a_contract_of_anything_else_has_no_books(contract: DataContract) -> None:
    other = put_in_force(city=contract.city, partner=contract.partner)
    bureau = make_bureau(contract.city)

    assert client_of(bureau).get(f"/data/{other.contract}/1/pencairan/").status_code == 404
    assert "/pencairan/" not in read(bureau, f"/data/{other.contract}/1/")
    assert LIST in read(bureau, "/data/duithape-aid/1/")


def test_books_are_made_anew_only_when_there_is_more_to_read(contract: DataContract, monkeypatch) -> None:
    store(contract, told("instructed", 1000))
    bureau = make_bureau(contract.city)
    asked: list[str] = []
    run = DuckEngine.run
    monkeypatch.setattr(DuckEngine, "run", lambda engine, sql: [asked.append(sql), run(engine, sql)][1])

    times = []
    for path in (LIST, LIST, CSV):
        read(bureau, path)
        times.append(len(asked))
    store(contract, told("instructed", 5_000_000, payment_batch="BANSOS-2"))
    page = read(bureau, LIST)
    StoreFile.objects.order_by("pk").first().delete()
    last = read(bureau, LIST)

    assert (times, len(asked)) == ([1, 1, 1], 3)
    assert ["BANSOS-1" in page, "BANSOS-2" in page] == [True, True]
    assert ["BANSOS-1" in last, "BANSOS-2" in last] == [False, True]


def test_a_batch_leaves_the_kept_books_when_its_beginning_may_be_gone(contract: DataContract) -> None:
    store(contract, told("instructed", 1000))
    whole = read_contract(contract.document)
    now = timezone.now()

    ends = now + timedelta(days=whole.retention_days)
    found = [reconciling.accounts(whole, at) for at in (now, ends, now)]

    assert [len(books) for books in found] == [1, 0, 1]


@pytest.mark.parametrize(
    ("number", "part"),
    [
        ("BANSOS/2026/1", "BANSOS~2F2026~2F1"),
        ("..", "~2E~2E"),
        ("~2F", "~7E2F"),
        ("Gelombang ke-2\n", "Gelombang~20ke-2~0A"),
        ("", "~"),
        (None, "~"),
    ],
)
def test_a_batch_of_any_number_has_its_page(contract: DataContract, number: str | None, part: str) -> None:
    store(contract, told("instructed", 1000, payment_batch=number), told("instructed", 5000))
    bureau = make_bureau(contract.city)

    listed, page = read(bureau, LIST), read(bureau, f"{LIST}{part}/")
    answer = client_of(bureau).get(f"{LIST}{part}/perintah.csv")

    (line,) = csv.DictReader(StringIO(answer.getvalue().decode(), newline=""))
    assert f'href="{LIST}{part}/"' in listed
    assert (line["batch"], line["instructed"]) == (number or "", "1000")
    assert "Rp 1.000" in page
    assert answer["Content-Disposition"].isprintable()
    assert [client_of(bureau).get(f"{LIST}{bad}/").status_code for bad in ("~2", "~ZZ", "~FF")] == [404] * 3


def test_many_batches_come_a_page_at_a_time(contract: DataContract) -> None:
    store(contract, *[told("instructed", 1000 + n, n, payment_batch=f"B{n:02d}") for n in range(30)])
    bureau = make_bureau(contract.city)

    first, second = read(bureau, LIST), read(bureau, f"{LIST}?mulai=25")

    assert ("pencairan/B29/" in first, "pencairan/B04/" in first) == (True, False)
    assert ("pencairan/B29/" in second, "pencairan/B04/" in second) == (False, True)
    assert '?mulai=25"' in first
    assert '?mulai=0"' in second
    assert "pencairan/B29/" in read(bureau, f"{LIST}?mulai=x")


@pytest.mark.parametrize("batches", [1, 3])
@pytest.mark.parametrize(("path", "queries"), [(LIST, 6), (ONE, 6)])
def test_the_pages_cost_the_same_for_one_batch_and_for_three(
    contract: DataContract, django_assert_num_queries, batches: int, path: str, queries: int
) -> None:
    for number in range(1, batches + 1):
        rows = [
            told("instructed", 1000, payment_batch=f"BANSOS-{number}", instruction=f"P{n}")
            for n in range(number)
        ]
        store(contract, *rows)
    client = client_of(make_bureau(contract.city))
    client.get(path)

    with django_assert_num_queries(queries):
        assert client.get(path).status_code == 200
