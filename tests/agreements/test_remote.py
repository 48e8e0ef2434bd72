import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.utils import translation

from balai.agreements import remote_signing, trust
from balai.agreements.certified import content_of, examine, newest_file
from balai.agreements.completion import seal
from balai.agreements.csc import ProviderError, Session, read_providers
from balai.agreements.models import Agreement, AgreementState, Signature, SignedUpload
from balai.core.errors import Invalid, Refused, Stale
from balai.core.models import Document, Entry
from tests.agreements_builders import Cast, make_agreement, make_cast, sha_of
from tests.builders import PASSWORD, client_of
from tests.remote_provider import PIN, SECRET, Service, running

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def shared() -> Iterator[Service]:
    with running() as service:
        yield service


@pytest.fixture
def service(shared: Service) -> Service:
    shared.mood = shared.only = shared.first_signature = ""
    for kept in (shared.keys, shared.calls, shared.tokens, shared.codes, shared.approved):
        kept.clear()
    return shared


@pytest.fixture
def cast(settings, tmp_path: Path, service: Service) -> Cast:
    settings.DEMO, settings.HOME, settings.SEAL_KEY = True, tmp_path, ""
    settings.SIGNING_PROVIDERS = service.toml()
    cache.clear()
    made = make_cast()
    trust.add_anchor(
        city=made.city, certificate=service.authority.pem, source="Daftar rekaan", by=made.bureau
    )
    return made


@pytest.fixture
def agreement(cast: Cast) -> Agreement:
    return make_agreement(cast, upto="open")


def press(
    service: Service, agreement: Agreement, by, key: str, *, pin: str = PIN, code: bool = True, **extra
):
    session = Session(service.provider(), seconds=extra.pop("seconds", 5))
    if code:
        session.send_otp(key)
    return remote_signing.sign_remotely(
        agreement=agreement,
        signer=session,
        credential_id=key,
        by=by,
        seen_sha256=extra.pop("seen", sha_of(agreement)),
        pin=pin,
        otp=service.codes.get(key, "000000"),
    )


def refusal(action) -> tuple[str, str]:
    """The field and the sentence of a refusal that left nothing."""
    before = Document.objects.count()
    with pytest.raises(Invalid) as refused:
        action()
    assert (Signature.objects.count(), SignedUpload.objects.count()) == (0, 0)
    assert Document.objects.count() == before
    [(field, reasons)] = refused.value.fields.items()
    return field, str(reasons[0])


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_remote_signature_is_a_certified_one_under_the_final_seal(
    cast: Cast, agreement: Agreement, service: Service, kind: str
) -> None:
    official = service.enrol("pejabat@contoh.id", "PENANDA TANGAN 1", kind)
    director = service.enrol("direktur@contoh.id", "Penanda Tangan 2", "ec")
    approved = content_of(newest_file(agreement, agreement.versions.first()))

    one = press(service, agreement, cast.city_signatory, official)
    press(service, agreement, cast.partner_signatory, director)

    agreement.refresh_from_db()
    assert agreement.state == AgreementState.SEALING
    sealed = content_of(seal(agreement_id=agreement.pk))
    found = examine(sealed)
    assert (found.valid, found.whole, sealed.startswith(approved)) == (True, True, True)
    assert [s.signer for s in found.report.seals] == [
        "PENANDA TANGAN 1",
        "Penanda Tangan 2",
        "Segel Balai (DEMONSTRASI)",
    ]
    assert (one.maker, one.upload.report["finding"]) == ("certified", "sound")
    assert one.upload.report["signature"]["issuer"] == "Otoritas Jarak Jauh (rekaan)"
    entry = Entry.objects.filter(verb="agreement.signed").earliest("pk")
    assert (entry.facts["maker"], entry.facts["provider"]) == ("certified", "psre")
    authorized = [body for call, body in service.calls if call == "credentials/authorize"]
    signed = [body for call, body in service.calls if call == "signatures/signHash"]
    assert [body["hash"] for body in authorized] == [body["hash"] for body in signed]
    assert [body["numSignatures"] for body in authorized] == [1, 1]


def test_wrong_pin_and_wrong_code_are_said_at_their_fields(
    cast: Cast, agreement: Agreement, service: Service
) -> None:
    key = service.enrol("a", "Penanda Tangan 1")

    wrong_pin = refusal(lambda: press(service, agreement, cast.city_signatory, key, pin="1"))
    service.codes.clear()
    wrong_code = refusal(lambda: press(service, agreement, cast.city_signatory, key, code=False))

    assert (wrong_pin[0], wrong_code[0]) == ("pin", "otp")
    assert not any(call == "signatures/signHash" for call, _ in service.calls)


@pytest.mark.parametrize(
    ("mood", "word"),
    [
        ("other_hash", "returned a signature that is not of this document"),
        ("garbled", "answered something that cannot be used"),
        ("huge", "answered something that cannot be used"),
        ("redirect", "answered something that cannot be used"),
        ("deep", "answered something that cannot be used"),
        ("down", "answered something that cannot be used"),
        ("slow", "does not answer"),
    ],
)
def test_a_service_that_misbehaves_leaves_nothing(
    cast: Cast, agreement: Agreement, service: Service, mood: str, word: str
) -> None:
    key = service.enrol("a", "Penanda Tangan 1")
    service.mood, service.only = mood, "signatures/signHash"
    seconds = 0.5 if mood == "slow" else 5

    with translation.override("en"):
        field, sentence = refusal(
            lambda: press(service, agreement, cast.city_signatory, key, seconds=seconds)
        )

    assert (field, word in sentence) == ("user_id", True)


def test_an_old_signature_played_again_is_refused(cast: Cast, agreement: Agreement, service: Service) -> None:
    key = service.enrol("a", "Penanda Tangan 1")
    service.first_signature = "MEUCIQ=="
    service.mood = "old"

    with translation.override("en"):
        _, sentence = refusal(lambda: press(service, agreement, cast.city_signatory, key))

    assert sentence == "PSrE Rekaan returned a signature that is not of this document. Nothing was signed."


def test_an_approval_serves_once_and_for_its_hash_alone(service: Service) -> None:
    key = service.enrol("a", "Penanda Tangan 1")
    session = Session(service.provider())
    session.send_otp(key)
    digest, other = bytes(range(32)), bytes(32)
    sad = session.authorize(key, digest, pin=PIN, otp=service.codes[key])
    session.sign_hash(key, sad, digest, "1.2.840.10045.4.3.2")

    for again in (digest, other):
        with pytest.raises(ProviderError) as refused:
            session.sign_hash(key, sad, again, "1.2.840.10045.4.3.2")
        assert refused.value.code == "invalid_sad"


def test_a_token_that_expired_is_fetched_anew(service: Service) -> None:
    key = service.enrol("a", "Penanda Tangan 1")
    session = Session(service.provider())
    session.credentials("a")
    made = service.tokens_made
    service.tokens.clear()

    found = session.credential(key)

    assert found is not None
    assert (found.id, service.tokens_made) == (key, made + 1)
    assert session.info()["specs"] == "1.0.4.0"


def test_a_token_no_header_can_carry_is_refused_and_one_without_end_is_not(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = service.enrol("a", "Penanda Tangan 1")
    service.mood, service.only = "lines", "oauth2/token"

    with pytest.raises(ProviderError) as refused:
        Session(service.provider()).credentials("a")
    service.mood = "eternal"
    found = Session(service.provider()).credentials("a")

    assert (refused.value.code, [one.id for one in found]) == ("garbled", [key])
    assert "rahasia" not in caplog.text + str(refused.value)


def test_a_hub_the_service_does_not_know_is_said_so(service: Service) -> None:
    session = Session(service.provider(client_secret="lain"))

    with pytest.raises(ProviderError) as refused:
        session.credentials("a")

    assert refused.value.code == "invalid_client"


def test_disabled_keys_and_strangers_have_none(service: Service) -> None:
    service.enrol("a", "Penanda Tangan 1", status="disabled")
    session = Session(service.provider())

    for user in ("a", "b"):
        with pytest.raises(Invalid) as refused:
            remote_signing.find_credentials(signer=session, user_id=user)
        assert list(refused.value.fields) == ["user_id"]


def test_the_certificate_of_another_person_or_authority_does_not_count(
    cast: Cast, agreement: Agreement, service: Service
) -> None:
    stranger = service.enrol("a", "Orang Lain Sekali")

    with translation.override("en"):
        _, sentence = refusal(lambda: press(service, agreement, cast.city_signatory, stranger))
        trust.withdraw_anchor(anchor=trust.anchors_at(cast.city).get(), reason="Contoh.", by=cast.bureau)
        own = service.enrol("a", "Penanda Tangan 1")
        _, untrusted = refusal(lambda: press(service, agreement, cast.city_signatory, own))

    assert sentence.startswith("The certificate is of Orang Lain Sekali")
    assert untrusted.startswith("The city's trust list is empty")


def test_who_may_not_sign_reaches_no_service(cast: Cast, agreement: Agreement, service: Service) -> None:
    key = service.enrol("a", "Penanda Tangan 1")

    for by in (cast.bureau, cast.officer):
        with pytest.raises(Refused):
            press(service, agreement, by, key, code=False)
    with pytest.raises(Stale):
        press(service, agreement, cast.city_signatory, key, code=False, seen="0" * 64)

    assert service.calls == []


def test_no_secret_is_logged_or_shown(
    cast: Cast, agreement: Agreement, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = service.enrol("a", "Penanda Tangan 1")
    refusal(lambda: press(service, agreement, cast.city_signatory, key, pin="999123"))
    press(service, agreement, cast.city_signatory, key)

    said = caplog.text + repr(service.provider())
    hidden = [SECRET, PIN, "999123", *service.tokens, *service.approved]
    assert [word for word in hidden if word in said] == []


@pytest.mark.parametrize(
    "text",
    [
        "[provider]",
        '[[provider]]\nkey = "a"',
        '[[provider]]\nkey="a"\nname="A"\nclient_id="c"\nclient_secret="s"\nurl="http://psre.contoh.id"',
        '[[provider]]\nkey="a"\nname="A"\nclient_id="c"\nclient_secret="s"\nurl="https://x@psre.contoh.id"',
        '[[provider]]\nkey="a"\nname="A"\nclient_id="c"\nclient_secret="s"\nurl="https://:x@psre.contoh.id"',
        '[[provider]]\nkey="a"\nname="A"\nclient_id="c"\nurl="https://psre.contoh.id"',
        '[[provider]]\nkey="a"\nname="A"\nclient_id="c"\nclient_secret="s"\nurl="https://b.id"\nmore="x"',
        "= x",
    ],
)
def test_a_configuration_that_is_unsafe_or_unclear_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_providers(text)


def test_a_configuration_takes_its_secret_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("dari-berkas\n")
    text = (
        '[[provider]]\nkey="a"\nname="A"\nclient_id="c"\nurl="https://psre.contoh.id/api"\n'
        f'client_secret_file="{tmp_path / "secret"}"'
    )

    (found,) = read_providers(text)

    assert (found.client_secret, found.url) == ("dari-berkas", "https://psre.contoh.id/api")
    assert read_providers("") == ()


def test_the_page_finds_the_key_sends_a_code_and_signs(
    cast: Cast, agreement: Agreement, service: Service, settings
) -> None:
    key = service.enrol("pejabat@contoh.id", "Penanda Tangan 1")
    client = client_of(cast.city_signatory, language="en")
    page = f"/en/perjanjian/{agreement.pk}/jarak-jauh/psre/"
    assert page.removeprefix("/en") in client.get(f"/en/perjanjian/{agreement.pk}/").text
    assert "/reauthenticate/" in client.get(page).url
    client.post(f"/en/akun/reauthenticate/?{urlencode({'next': page})}", {"password": PASSWORD})

    assert client.get(page).status_code == 200
    assert client.post(page, {"user_id": "entah"}).status_code == 422
    found = client.post(page, {"user_id": "pejabat@contoh.id"})
    asked = client.post(page, {"user_id": "pejabat@contoh.id", "credential": key, "step": "code"})
    fields = {"user_id": "pejabat@contoh.id", "credential": key, "step": "sign", "seen": sha_of(agreement)}
    wrong = client.post(page, fields | {"pin": "1", "otp": service.codes[key]})
    signed = client.post(page, fields | {"pin": PIN, "otp": service.codes[key]})

    assert ("Penanda Tangan 1" in found.text, asked.status_code) == (True, 200)
    assert (wrong.status_code, "refused the PIN" in wrong.text) == (422, True)
    assert (signed.status_code, Signature.objects.get().maker) == (302, "certified")
    settings.SIGNING_PROVIDERS = ""
    assert client.get(page).status_code == 404
    assert "jarak-jauh" not in client_of(cast.partner_signatory).get(f"/perjanjian/{agreement.pk}/").text
