"""The pages of a data contract for those at either end: flow, keys, quarantine, versions."""

import html
import json
import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from balai.agreements.models import Agreement
from balai.collaborations.models import Collaboration
from balai.core.models import Entry
from balai.observations.actions import MOST_KEYS
from balai.observations.checking import Checker
from balai.observations.contracts import read_contract
from balai.observations.models import DataContract, DataKey, Quarantined, Receipt
from balai.observations.replay import replay
from balai.observations.running import node_origin
from tests.builders import client_of, make_auditor, make_bureau, make_city, make_company, make_founder
from tests.observations.test_bonds import bind
from tests.observations.test_contracts import changed
from tests.observations_builders import DOCUMENT, make_data_key, make_quarantined, put_in_force
from tests.stories import World

pytestmark = pytest.mark.django_db

PETS = {"name": "pets", "logicalType": "boolean"}
MINOR = changed(version="1.1.0", schema__0__properties__7=PETS)


@pytest.fixture
def contract(settings, tmp_path) -> DataContract:
    settings.HOME = tmp_path
    return put_in_force(city=make_city("31"), partner=make_company(name="PT Roda Rekaan", slug="roda"))


@pytest.fixture
def founder(contract):
    return client_of(make_founder(contract.partner))


def page(client, name: str = "") -> str:
    response = client.get(f"/en/data/roda-trips/1/{name}")
    assert response.status_code == 200
    return response.content.decode()


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def faults_of(contract: DataContract, body: list[dict[str, object]]) -> list[str]:
    """Where the events are not as the contract has them, now."""
    checker = Checker(read_contract(contract.document))
    return [bad.pointer for bad in checker.check_events(json.dumps(body).encode(), timezone.now()).bad]


@pytest.mark.parametrize(
    ("origin", "port", "at"),
    [
        ("https://balai.example", None, "https://balai.example"),
        ("http://127.0.0.1:8000", None, "http://127.0.0.1:8001"),
        ("http://127.0.0.1:8000", 9100, "http://127.0.0.1:9100"),
        ("http://127.0.0.1:8000", 0, "http://127.0.0.1:8000"),
    ],
)
def test_machines_are_sent_to_where_a_node_answers(settings, origin, port, at) -> None:
    settings.ORIGIN, settings.INGEST_PORT = origin, port

    assert node_origin() == at


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("name", "most"), [("kunci/", 8), ("karantina/", 14), ("aliran/", 12)])
def test_no_page_asks_more_for_more_rows(
    contract, founder, name, most, rows, django_assert_max_num_queries
) -> None:
    for _number in range(rows):
        make_quarantined(make_data_key(contract))
    page(founder, name)

    with django_assert_max_num_queries(most) as asked:
        page(founder, name)

    assert len(asked) == most


def test_a_key_is_shown_once_with_a_line_to_try_it(contract, founder) -> None:
    made = founder.post("/en/data/roda-trips/1/kunci/baru/", {"sandbox": "sandbox", "rows_per_second": "50"})

    key = DataKey.objects.get()
    text = made.content.decode()
    (secret,) = set(re.findall(r"chk_sandbox_[a-z0-9]+\.[\w-]+", text))
    assert (made.status_code, key.rows_per_second, key.sandbox) == (200, 50, True)
    body = json.loads(html.unescape(re.search(r"-d (.+?)</code>", text)[1]).strip("'"))
    assert "/v1/observations" in text
    # The contract of the tests gives no example of a zone; all else is right, also its time.
    assert faults_of(contract, body) == ["/data/zone"]
    assert made["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    assert secret not in page(founder, "kunci/")
    assert key.pk in page(founder, "kunci/")


def test_a_live_key_names_a_collaboration_of_the_partners_own(settings, tmp_path) -> None:
    settings.HOME, settings.DEMO = tmp_path, True
    world = World()
    mine = world.at("running")
    contract = put_in_force(city=world.city, partner=world.partner)
    other = World("3273", "lain").at("running")
    client = client_of(world.founder)
    offered = client.get(f"/data/{contract.contract}/1/kunci/baru/").content.decode()
    live = {"sandbox": "live", "rows_per_second": "10"}

    nothing = client.post(f"/data/{contract.contract}/1/kunci/baru/", live)
    others = client.post(f"/data/{contract.contract}/1/kunci/baru/", live | {"subject": other.thread})
    made = client.post(f"/data/{contract.contract}/1/kunci/baru/", live | {"subject": mine.thread})

    assert (mine.reference in offered, other.reference in offered) == (True, False)
    assert (nothing.status_code, others.status_code, made.status_code) == (422, 422, 200)
    assert DataKey.objects.get().subject == mine.thread
    assert mine.reference in client.get(f"/data/{contract.contract}/1/kunci/").content.decode()


def test_no_more_keys_than_the_most(contract, founder) -> None:
    for _number in range(MOST_KEYS):
        make_data_key(contract, sandbox=True)
    make = {"sandbox": "sandbox", "rows_per_second": "50"}
    assert founder.post("/data/roda-trips/1/kunci/baru/", make).status_code == 403

    DataKey.objects.filter(pk=DataKey.objects.first().pk).update(stopped_at=timezone.now())

    assert founder.post("/data/roda-trips/1/kunci/baru/", make).status_code == 200


def test_a_partner_allows_itself_no_more_than_the_limit(contract, founder) -> None:
    fast = {"sandbox": "sandbox", "rows_per_second": "50000"}

    own = founder.post("/data/roda-trips/1/kunci/baru/", fast)
    city = client_of(make_bureau(contract.city)).post("/data/roda-trips/1/kunci/baru/", fast)

    assert (own.status_code, city.status_code, "50000" in own.content.decode()) == (422, 200, True)


def test_a_key_is_replaced_and_stopped(contract, founder) -> None:
    key = make_data_key(contract)

    new = founder.post(f"/en/data/kunci/{key.pk}/ganti/")
    again = founder.post(f"/en/data/kunci/{key.pk}/ganti/")
    bare = founder.post(f"/en/data/kunci/{key.pk}/hentikan/", {"reason": " "})
    stopped = founder.post(f"/en/data/kunci/{key.pk}/hentikan/", {"reason": "Kunci bocor"})

    assert [one.status_code for one in (new, again, bare, stopped)] == [200, 409, 422, 302]
    listed = words(page(founder, "kunci/"))
    assert "Kunci bocor" in listed
    assert "1 a second" not in listed


def test_an_auditor_sees_keys_and_changes_none(contract) -> None:
    key = make_data_key(contract)
    auditor = client_of(make_auditor(contract.city))

    assert key.pk in page(auditor, "kunci/")
    assert "/ganti/" not in page(auditor, "kunci/")
    assert auditor.post(f"/data/kunci/{key.pk}/ganti/").status_code == 403
    assert auditor.get(f"/data/kunci/{key.pk}/hentikan/").status_code == 403


def test_the_flow_tells_freshness_and_finds_a_receipt(contract, founder) -> None:
    key = make_data_key(contract)
    bad = make_quarantined(key)
    make_quarantined(key)
    DataContract.objects.update(missed_since=timezone.now() - timedelta(hours=9))

    text = words(page(founder, "aliran/"))
    found = page(founder, f"aliran/?receipt={bad.batch}")

    assert "Promised refresh every hour" in text
    assert "The refresh is overdue" in text
    assert re.findall(r"batch-\d+", words(found)) == [bad.batch]
    assert "No receipt has this number" in page(founder, "aliran/?receipt=batch-000000")


def test_quarantine_accounts_for_each_row(contract, founder) -> None:
    key = make_data_key(contract)
    make_quarantined(key)
    make_quarantined(key, pointer="/wait_s", reason="Expected `int` <= 7200")

    text = words(page(founder, "karantina/"))
    only = page(founder, "karantina/?why=%2Fzone+wrong")

    assert "2 quarantined = 2 waiting + 0 taken later + 0 expired adds up" in text
    assert only.count("/data/karantina/") == 1
    Quarantined.objects.filter(pointer="/zone").delete()
    assert "does not add up" in words(page(founder, "karantina/"))


def test_a_row_is_read_on_the_record_and_sent_corrected(contract, founder) -> None:
    bad = make_quarantined(make_data_key(contract))
    address = f"/en/data/karantina/{bad.pk}/"
    assert "gawai-1" not in founder.get(address).content.decode()

    shown = founder.post(address, {"do": "open"}).content.decode()
    wrong = founder.post(address, {"do": "again", "row": '{"event_id": "x1"'})
    mended = json.loads(re.search(r"<textarea[^>]*>([^<]*)<", shown)[1].replace("&quot;", '"').strip())
    taken = founder.post(address, {"do": "again", "row": json.dumps(mended | {"event_id": "x1"}, indent=1)})

    assert Entry.objects.filter(verb="data.row_seen").count() == 1
    assert (wrong.status_code, "&quot;x1&quot;" in wrong.content.decode()) == (422, True)
    assert taken.status_code == 302
    assert replay() == 1
    assert "taken on" in founder.get(address).content.decode()


def test_the_city_reads_and_tries_and_changes_nothing(contract) -> None:
    bad = make_quarantined(make_data_key(contract), sealed=None)
    key = DataKey.objects.get()
    good = make_quarantined(key)
    bureau = client_of(make_bureau(contract.city))
    address = f"/en/data/karantina/{good.pk}/"

    shown = bureau.post(address, {"do": "open"}).content.decode()
    tried = bureau.post(address, {"do": "again", "row": '{"forged": 1}'})

    assert "readonly" in shown
    assert (tried.status_code, replay()) == (302, 1)
    assert Entry.objects.get(verb="data.replay_asked").facts["corrected"] is False
    assert bureau.post(f"/en/data/karantina/{bad.pk}/", {"do": "open"}).status_code == 422
    auditor = client_of(make_auditor(contract.city))
    assert auditor.get(address).status_code == 200
    assert auditor.post(address, {"do": "open"}).status_code == 403


def test_a_sandbox_row_is_read_and_not_tried(contract, founder) -> None:
    bad = make_quarantined(make_data_key(contract, sandbox=True))
    address = f"/en/data/karantina/{bad.pk}/"

    shown = founder.post(address, {"do": "open"}).content.decode()
    tried = founder.post(address, {"do": "again"})

    assert ("gawai-1" in shown, 'value="again"' in shown, tried.status_code) == (True, False, 403)


def test_many_rows_are_tried_by_their_reason(contract, founder) -> None:
    key = make_data_key(contract)
    make_quarantined(key)
    make_quarantined(key, pointer="/wait_s", reason="too large")

    response = founder.post("/en/data/roda-trips/1/karantina/coba/", {"why": "/zone wrong"}, follow=True)
    odd = founder.post("/en/data/roda-trips/1/karantina/coba/", {"why": "/nowhere x"})

    assert "1 row is right now" in words(response.content.decode())
    assert Quarantined.objects.exclude(asked_at=None).get().pointer == "/zone"
    assert odd.status_code == 422


def test_publishing_shows_what_changes_before_it_does(contract) -> None:
    bureau = client_of(make_bureau(contract.city))
    file = SimpleUploadedFile("c.yaml", MINOR.encode())

    shown = bureau.post("/en/data/baru/", {"file": file})
    text = shown.content.decode()
    seen = re.search(r'name="seen" value="(\w+)"', text)[1]
    assert (shown.status_code, "pets: new, optional" in text) == (200, True)
    assert DataContract.objects.count() == 1
    other = bureau.post("/en/data/baru/", {"document": MINOR + "\n# x", "seen": seen})
    assert (other.status_code, DataContract.objects.count()) == (200, 1)
    done = bureau.post("/en/data/baru/", {"document": MINOR.replace("\n", "\r\n"), "seen": seen})

    assert (done.status_code, done["Location"]) == (302, "/en/data/roda-trips/1/")
    assert DataContract.objects.first().document == MINOR


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("kind: Nothing", "kind: must be DataContract"),
        (DOCUMENT, "a newer one is greater"),
        (DOCUMENT.replace("value: roda", "value: entah"), "no organisation of this hub is called entah"),
        (changed(version="1.1.0", schema__0__properties__6=...), "wait_s: removed"),
        ("", "Choose a file or paste the contract"),
    ],
)
def test_a_faulty_contract_is_told_by_place_and_nothing_typed_is_lost(contract, document, says) -> None:
    bureau = client_of(make_bureau(contract.city))

    answer = bureau.post("/en/data/baru/", {"document": document})

    text = answer.content.decode()
    first = document.splitlines()[0] if document else "name=&quot;document"
    assert (answer.status_code, says in text) == (422, True)
    assert first in text or not document
    assert DataContract.objects.count() == 1


def test_a_file_that_is_no_text_is_refused(contract) -> None:
    bureau = client_of(make_bureau(contract.city))

    odd = bureau.post("/en/data/baru/", {"file": SimpleUploadedFile("c.yaml", b"\xff\xfe\x00")})
    large = bureau.post("/en/data/baru/", {"file": SimpleUploadedFile("c.yaml", b"a" * 300_000)})

    assert (odd.status_code, large.status_code) == (422, 422)


def test_a_contract_is_bound_to_a_line_and_both_pages_say_so(settings, tmp_path) -> None:
    settings.HOME, settings.DEMO = tmp_path, True
    world = World()
    world.partner.slug = "roda"
    world.partner.save()
    world.at("running")
    agreement, line = bind(world, retention_days=30)
    bureau = client_of(world.bureau)
    bond = f"{agreement.subject}/{line.pk}"
    assert bond in bureau.get("/en/data/baru/").content.decode()

    longer = bureau.post("/en/data/baru/", {"document": DOCUMENT, "bond": bond})
    line.retention_days = 365
    line.save()
    shown = bureau.post("/en/data/baru/", {"document": DOCUMENT, "bond": bond}).content.decode()
    seen = re.search(r'name="seen" value="(\w+)"', shown)[1]
    bureau.post("/en/data/baru/", {"document": DOCUMENT, "bond": bond, "seen": seen})

    assert (longer.status_code, "slaProperties.retention" in longer.content.decode()) == (422, True)
    assert DataContract.objects.get().subject == agreement.subject
    assert f"/perjanjian/{agreement.pk}/" in page(bureau)
    there = bureau.get(f"/en/perjanjian/{agreement.pk}/").content.decode()
    assert ("/data/roda-trips/1/" in there, "Perjalanan" in there) == (True, True)
    Agreement.objects.update(ends_on=timezone.localdate() - timedelta(1))
    assert "not in force, so no live key opens" in page(bureau)
    there = bureau.get(f"/en/perjanjian/{agreement.pk}/").content.decode()
    assert "closed with the agreement" in there


def test_the_agreement_behind_a_contract_is_named_to_those_who_may_see_it(settings, tmp_path) -> None:
    settings.HOME, settings.DEMO = tmp_path, True
    world = World()
    world.partner.slug = "roda"
    world.partner.save()
    collaboration = world.at("running")
    agreement, line = bind(world, name="Lampiran tertutup")
    row = put_in_force(city=world.city, partner=world.partner)
    DataContract.objects.filter(pk=row.pk).update(subject=agreement.subject, dataset=line)
    Collaboration.objects.filter(pk=collaboration.pk).update(public_since=None)

    anyone, officer = page(client_of()), page(client_of(world.bureau))

    names = (f"/perjanjian/{agreement.pk}/", line.name)
    assert [name in anyone for name in names] == [False, False]
    assert [name in officer for name in names] == [True, True]
    assert "asks for them: not public." in words(anyone)


def test_retiring_ends_one_version_or_all(contract) -> None:
    bureau = client_of(make_bureau(contract.city))
    put_in_force(MINOR, city=contract.city, partner=contract.partner)
    offered = bureau.get("/en/data/roda-trips/1/akhiri/").content.decode()
    assert "1.0.0 applies again" in offered

    bureau.post("/en/data/roda-trips/1/akhiri/", {"reason": "Salah ketik", "earlier": "one"})
    assert [one.state for one in DataContract.objects.all()] == ["retired", "active"]
    assert "1.0.0, in force" in page(bureau)
    bureau.post("/en/data/roda-trips/1/akhiri/", {"reason": "Uji coba selesai"})

    assert [one.state for one in DataContract.objects.all()] == ["retired", "retired"]
    assert "This contract is retired" in page(bureau)
    assert Entry.objects.filter(verb="data.contract_retired").count() == 2


def test_anyone_reads_who_is_responsible_and_what_is_hashed(contract) -> None:
    text = words(page(client_of(None)))

    assert "Dinas Perhubungan is responsible for them, on this legal basis: contract." in text
    assert "What names a person or a device (device) is replaced by a number" in text
    assert "They are kept 365 days, then deleted." in text
    assert "What flows" not in text
    register = words(client_of(None).get("/en/data/").content.decode())
    assert "Controller: Dinas Perhubungan" in register
    assert Receipt.objects.count() == 0
