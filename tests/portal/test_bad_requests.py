"""Whatever a browser, a script or an attacker sends gets a page with a sentence, never a fault."""

import pytest
from allauth.account.models import EmailAddress

from balai.people.models import User
from tests.builders import PASSWORD, client_of, make_user

ACCOUNT = [
    "/akun/password/change/",
    "/akun/password/set/",
    "/akun/email/",
    "/akun/2fa/",
    "/akun/2fa/totp/activate/",
    "/akun/2fa/webauthn/",
    "/akun/2fa/webauthn/add/",
    "/akun/2fa/recovery-codes/generate/",
    "/akun/sessions/",
    "/akun/3rdparty/",
]


def policy_of(answer) -> str:
    return answer.headers["Content-Security-Policy"]


def test_a_text_beyond_all_measure_gets_a_page(city) -> None:
    client = client_of(make_user(), language="en")

    answer = client.post("/en/kebutuhan/baru/", {"title": "x", "text": "x" * 3_000_000})

    assert answer.status_code == 413
    assert "larger than the hub takes" in answer.content.decode()
    assert "unsafe" not in policy_of(answer)


def test_thousands_of_fields_get_a_page(city) -> None:
    answer = client_of(make_user()).post("/kebutuhan/baru/", {f"f{n}": "x" for n in range(1001)})

    assert answer.status_code == 413


@pytest.mark.django_db
def test_a_body_no_form_needs_is_not_read(settings) -> None:
    settings.UPLOAD_LIMIT_BYTES = 1000
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    answer = client_of().post("/verifikasi/", b"x" * 6000, content_type="application/octet-stream")

    assert answer.status_code == 413


def test_a_foreign_host_gets_a_plain_answer(client) -> None:
    answer = client.get("/", headers={"Host": "evil.example"})

    assert answer.status_code == 400
    assert "evil" not in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/kolaborasi/%00/",
        "/kebutuhan/KBT%00/",
        "/tantangan/%00/",
        "/permohonan/%00/",
        "/uji-coba/%00/",
        "/undangan/%00/",
        "/kebutuhan/%ff%fe/",
        "/kolaborasi/" + "9" * 4000 + "/",
        "/pemberitahuan/" + "9" * 30 + "/",
        "/perjanjian/untuk/%00/",
    ],
)
def test_an_impossible_address_is_no_page(path: str) -> None:
    assert client_of(make_user()).get(path).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["%00", "%ff", "9" * 40, "-1", "%F0%9F%92%A9", "'", "x" * 5000])
def test_no_query_is_a_fault(value: str) -> None:
    client = client_of(make_user())
    lists = ["/kebutuhan/", "/tantangan/", "/kolaborasi/", "/perjanjian/", "/cari/", "/verifikasi/"]
    lists += ["/kebutuhan.csv", "/tantangan.csv", "/kolaborasi.csv", "/permohonan/mulai/", "/pemberitahuan/"]
    lists += ["/skema/periksa/", "/kebutuhan/baru/", "/", "/mitra/", "/dimensi/"]
    names = ["q", "city", "dimension", "state", "area", "mine", "scheme", "kind", "cursor", "after", "need"]
    names += ["tantangan", "dokumen", "sha256", "dari", "hanya"]

    worst = {
        (path, name): status
        for path in lists
        for name in names
        if (status := client.get(f"{path}?{name}={value}").status_code) not in (200, 404, 422, 429)
    }

    assert worst == {}


@pytest.mark.django_db
def test_a_shared_account_keeps_its_sign_in(settings) -> None:
    settings.DEMO = True
    client = client_of(make_user(is_demo=True))
    before = User.objects.get().password

    seen = {path: (client.get(path).status_code, client.post(path).status_code) for path in ACCOUNT}

    assert seen == dict.fromkeys(ACCOUNT, (403, 403))
    assert User.objects.get().password == before


@pytest.mark.django_db
def test_an_account_of_ones_own_is_changed_in_a_demonstration_too(settings) -> None:
    settings.DEMO = True

    assert client_of(make_user()).get("/akun/email/").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/", "/kebutuhan/", "/healthz", "/api/v1/needs", "/tidak-ada/", "/static/x"]
)
def test_every_answer_carries_the_same_protections(path: str) -> None:
    answer = client_of().get(path)

    assert {
        "nosniff": answer.headers.get("X-Content-Type-Options"),
        "frames": answer.headers.get("X-Frame-Options"),
        "referrer": answer.headers.get("Referrer-Policy"),
        "unsafe": "unsafe" in policy_of(answer),
        "ancestors": "frame-ancestors 'none'" in policy_of(answer),
    } == {
        "nosniff": "nosniff",
        "frames": "DENY",
        "referrer": "same-origin",
        "unsafe": False,
        "ancestors": True,
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/", "/kebutuhan/", "/kolaborasi/", "/tantangan/", "/mitra/", "/cari/", "/skema/"]
)
def test_a_head_request_is_answered_as_the_page_is(path: str) -> None:
    client = client_of()

    assert (client.head(path).status_code, client.head(path).content) == (200, b"")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "goal", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:x"]
)
def test_signing_in_leads_nowhere_else(goal: str) -> None:
    user = make_user()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)

    answer = client_of().post("/akun/login/", {"login": user.email, "password": PASSWORD, "next": goal})

    assert (answer.status_code, answer.url) == (302, "/kotak-masuk/")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/x-www-form-urlencoded; charset=foo", b"login=a", 200),
        ("application/x-www-form-urlencoded", b"login=%ff%00&password=%00", 200),
        ("multipart/form-data", b"x", 400),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=login\r\n\r\nz",
            200,
        ),
        ("text/plain", b"x", 200),
        ("application/json", b"{", 400),
    ],
)
def test_no_body_is_a_fault(kind: str, body: bytes, status: int) -> None:
    answer = client_of().generic("POST", "/akun/login/", body, content_type=kind)

    assert answer.status_code == status
    assert "unsafe" not in policy_of(answer)
