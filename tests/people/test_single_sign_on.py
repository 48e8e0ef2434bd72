"""Sign-in through an OpenID Connect provider, against a provider that really answers over HTTP."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import jwt
import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives.asymmetric import rsa

from balai.people.models import User
from tests.builders import client_of, make_user

pytestmark = pytest.mark.django_db

CLIENT, SECRET = "balai-uji", "rahasia-klien"


class Provider(ThreadingHTTPServer):
    """One person signs in here; ``claims`` is what the provider says of them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.claims: dict[str, object] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"

    def id_token(self) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60} | self.claims
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "1"})


class Handler(BaseHTTPRequestHandler):
    server: Provider

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, data: object, status: int = 200) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        issuer = self.server.issuer
        where = urlsplit(self.path)
        match where.path:
            case "/.well-known/openid-configuration":
                self.answer(
                    {
                        "issuer": issuer,
                        "authorization_endpoint": f"{issuer}/authorize",
                        "token_endpoint": f"{issuer}/token",
                        "userinfo_endpoint": f"{issuer}/userinfo",
                        "jwks_uri": f"{issuer}/jwks",
                        "token_endpoint_auth_methods_supported": ["client_secret_post"],
                    }
                )
            case "/authorize":
                asked = {key: values[0] for key, values in parse_qs(where.query).items()}
                assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
                code = f"kode-{len(self.server.codes)}"
                self.server.codes[code] = asked
                back = urlencode({"code": code, "state": asked["state"]})
                self.send_response(302)
                self.send_header("Location", f"{asked['redirect_uri']}?{back}")
                self.send_header("Content-Length", "0")
                self.end_headers()
            case "/userinfo":
                assert self.headers["Authorization"] == "Bearer akses"
                self.answer(self.server.claims)
            case "/jwks":
                key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.server.key.public_key()))
                self.answer({"keys": [key | {"kid": "1", "use": "sig", "alg": "RS256"}]})
            case _:
                self.answer({}, 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        given = {key: values[0] for key, values in parse_qs(body).items()}
        asked = self.server.codes.pop(given.get("code", ""), None)
        proof = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        sound = (
            asked is not None
            and (given["client_id"], given["client_secret"]) == (CLIENT, SECRET)
            and given["redirect_uri"] == asked["redirect_uri"]
            and base64.urlsafe_b64encode(proof).decode().rstrip("=") == asked["code_challenge"]
        )
        if not sound:
            return self.answer({"error": "invalid_grant"}, 400)
        return self.answer(
            {"access_token": "akses", "token_type": "Bearer", "id_token": self.server.id_token()}
        )


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


@pytest.fixture
def provider(settings) -> Iterator[Provider]:
    from balai.settings import oidc_providers

    server = Provider()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings.SOCIALACCOUNT_PROVIDERS = oidc_providers(server.issuer, CLIENT, SECRET, "SSO Kota")
    yield server
    server.shutdown()
    server.server_close()


def sign_in(provider: Provider, client=None):
    """Walk the code flow; returns the browser and the hub's answer to the provider's redirect."""
    client = client or client_of()
    begun = client.post("/akun/oidc/city/login/")
    assert begun.status_code == 302
    opener = build_opener(_Stay())
    try:
        opener.open(begun.url)
        raise AssertionError("the provider did not redirect")
    except OSError as redirect:
        back = urlsplit(redirect.headers["Location"])  # type: ignore[attr-defined]
    return client, client.get(f"{back.path}?{back.query}")


def who(client) -> str | None:
    return client.session.get("_auth_user_id")


def test_a_new_person_gets_an_account_with_a_confirmed_address(provider) -> None:
    provider.claims = {
        "sub": "1",
        "name": "Sari  Dewi",
        "email": "Sari@Contoh.id",
        "email_verified": True,
    }

    client, answer = sign_in(provider)

    user = User.objects.get()
    assert (answer.status_code, who(client)) == (302, str(user.pk))
    assert (user.email, user.name, user.has_usable_password()) == ("sari@contoh.id", "Sari Dewi", False)
    assert list(EmailAddress.objects.values_list("email", "verified")) == [("sari@contoh.id", True)]


def test_both_sides_confirmed_links_to_the_account(provider) -> None:
    user = make_user(email="sari@contoh.id")
    EmailAddress.objects.create(user=user, email="sari@contoh.id", verified=True, primary=True)
    provider.claims = {"sub": "1", "email": "sari@contoh.id", "email_verified": True}

    client, _ = sign_in(provider)
    again, _ = sign_in(provider)

    assert (who(client), who(again), User.objects.count()) == (str(user.pk), str(user.pk), 1)
    assert list(SocialAccount.objects.values_list("user", "uid")) == [(user.pk, "1")]


@pytest.mark.parametrize("claim", [False, None, "false", "no", 0, 1])
def test_an_address_the_provider_did_not_verify_opens_no_account(provider, claim) -> None:
    user = make_user(email="sari@contoh.id")
    EmailAddress.objects.create(user=user, email="sari@contoh.id", verified=True, primary=True)
    provider.claims = {"sub": "attacker", "email": "sari@contoh.id", "email_verified": claim}

    client, answer = sign_in(provider)

    assert answer.status_code < 500
    assert (who(client), SocialAccount.objects.count()) == (None, 0)


def test_an_address_somebody_typed_here_unconfirmed_catches_nobody(provider) -> None:
    squatter = make_user(email="sari@contoh.id")
    EmailAddress.objects.create(user=squatter, email="sari@contoh.id", verified=False, primary=True)
    provider.claims = {"sub": "1", "email": "sari@contoh.id", "email_verified": True}

    client, answer = sign_in(provider)

    assert answer.status_code < 500
    assert who(client) is None
    assert SocialAccount.objects.filter(user=squatter).count() == 0


def test_an_erased_or_blocked_person_does_not_come_back_in(provider) -> None:
    user = make_user(email="sari@contoh.id", is_active=False)
    EmailAddress.objects.create(user=user, email="sari@contoh.id", verified=True, primary=True)
    provider.claims = {"sub": "1", "email": "sari@contoh.id", "email_verified": True}

    client, answer = sign_in(provider)

    assert answer.status_code < 500
    assert (who(client), SocialAccount.objects.count()) == (None, 0)


def test_the_answer_to_a_question_nobody_asked_is_refused(provider) -> None:
    provider.claims = {"sub": "1", "email": "sari@contoh.id", "email_verified": True}
    client = client_of()

    answer = client.get("/akun/oidc/city/login/callback/?code=kode-0&state=dicuri")

    assert (answer.status_code < 500, who(client), User.objects.count()) == (True, None, 0)


def test_a_token_for_somebody_else_is_refused(provider) -> None:
    provider.claims = {"sub": "1", "email": "sari@contoh.id", "email_verified": True, "aud": "other-app"}

    client, answer = sign_in(provider)

    assert (answer.status_code < 500, who(client), User.objects.count()) == (True, None, 0)
