"""A client of remote signing services that speak the Cloud Signature Consortium's API (v1).

Only the calls the hub needs: ``info``, ``oauth2/token`` (client credentials), ``credentials/list``,
``credentials/info``, ``credentials/sendOTP``, ``credentials/authorize``, ``signatures/signHash``. Addresses
come from the operator's configuration alone; no redirect is followed, no answer beyond a megabyte is read.
Nothing secret is logged or put into an error: neither token, PIN, one-time code nor the provider's own words.
"""

import base64
import http.client
import json
import logging
import re
import ssl
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

SHA256_OID = "2.16.840.1.101.3.4.2.1"
LARGEST = 1024 * 1024
SECONDS = 15.0
MOST_CREDENTIALS = 10
PLAIN = ("key", "name", "url", "client_id", "token_url", "ca_file")
LOOPBACK = ("127.0.0.1", "::1", "localhost")

LONGEST_TOKEN = 24 * 3600
_BEARER = re.compile(r"[\x21-\x7e]{1,8192}")

log = logging.getLogger(__name__)


class ProviderError(Exception):
    """A call failed. ``code`` is the provider's error code, or one of ours: ``unreachable``, ``garbled``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Provider:
    """A remote signing service as the operator configured it."""

    key: str
    name: str
    url: str
    client_id: str
    client_secret: str = field(repr=False)
    token_url: str = ""
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Credential:
    """A signer's key at the provider. ``chain`` is DER, the signer's certificate first."""

    id: str
    chain: tuple[bytes, ...]
    algorithms: tuple[str, ...]
    needs_pin: bool
    needs_otp: bool
    sends_otp: bool


def read_providers(text: str) -> tuple[Provider, ...]:
    """Parse the TOML of BALAI_SIGNING_PROVIDERS; empty text is no provider. Raises ValueError.

    Each ``[[provider]]`` has ``key``, ``name``, ``url`` (https; http for this machine only), ``client_id``
    and ``client_secret`` or ``client_secret_file``; ``token_url`` where tokens come from another address than
    ``url``/csc/v1/oauth2/token; ``ca_file`` names the certificates to trust in place of the system's.
    """
    if not text.strip():
        return ()
    rows = tomllib.loads(text).get("provider")
    if not isinstance(rows, list) or not rows:
        raise ValueError("expected [[provider]] tables")
    found: dict[str, Provider] = {}
    for row in rows:
        values = {name: str(row.pop(name, "")) for name in PLAIN}
        secret, path = str(row.pop("client_secret", "")), str(row.pop("client_secret_file", ""))
        if row:
            raise ValueError(f"unknown: {', '.join(sorted(row))}")
        for name in ("key", "name", "url", "client_id"):
            if not values[name]:
                raise ValueError(f"a provider needs {name}")
        if not values["key"].isidentifier() or values["key"] in found:
            raise ValueError(f"key {values['key']!r}: letters, digits, underscores; each once")
        for name in ("url", "token_url"):
            if values[name] and not _is_safe(values[name]):
                raise ValueError(
                    f"{name} of {values['key']}: an https address without name, password or query"
                )
        if path:
            secret = Path(path).read_text(encoding="utf-8").strip()
        if not secret:
            raise ValueError(f"{values['key']} needs client_secret or client_secret_file")
        found[values["key"]] = Provider(client_secret=secret, **values)
    return tuple(found.values())


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in LOOPBACK
    return bool(
        (parts.scheme == "https" or local)
        and parts.hostname
        and not (parts.query or parts.username or parts.password)
    )


class Session:
    """Calls to one provider. The token lives as long as the session and is fetched anew once it expired."""

    def __init__(self, provider: Provider, *, seconds: float = SECONDS) -> None:
        self.provider = provider
        self._seconds = seconds
        self._token = ""
        self._until = 0.0

    def info(self) -> dict[str, Any]:
        """What the service says of itself."""
        return self._post("info", {}, signed_in=False)

    def credentials(self, user_id: str) -> list[Credential]:
        """The usable keys of a person at the provider, at most ten."""
        listed = self._post("credentials/list", {"userID": user_id, "maxResults": MOST_CREDENTIALS})
        ids = listed.get("credentialIDs")
        if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            raise ProviderError("garbled")
        found = (self.credential(one) for one in ids[:MOST_CREDENTIALS])
        return [one for one in found if one is not None]

    def credential(self, credential_id: str) -> Credential | None:
        """One key with its certificates; None where it is disabled or its certificate not valid."""
        data = self._post(
            "credentials/info",
            {"credentialID": credential_id, "certificates": "chain", "certInfo": True, "authInfo": True},
        )
        try:
            key, cert = data["key"], data["cert"]
            if key.get("status") != "enabled" or cert.get("status", "valid") != "valid":
                return None
            pin, otp = data.get("PIN") or {}, data.get("OTP") or {}
            return Credential(
                id=credential_id,
                chain=tuple(base64.b64decode(one, validate=True) for one in cert["certificates"]),
                algorithms=tuple(str(oid) for oid in key["algo"]),
                needs_pin=str(pin.get("presence", "false")) != "false",
                needs_otp=str(otp.get("presence", "false")) != "false",
                sends_otp=otp.get("type") == "online",
            )
        except (KeyError, TypeError, AttributeError, ValueError) as fault:
            raise ProviderError("garbled") from fault

    def send_otp(self, credential_id: str) -> None:
        """Have the provider send the signer a one-time code."""
        self._post("credentials/sendOTP", {"credentialID": credential_id})

    def authorize(
        self, credential_id: str, digest: bytes, *, pin: str = "", otp: str = "", description: str = ""
    ) -> str:
        """Activation data for one signature over exactly this SHA-256."""
        body = {
            "credentialID": credential_id,
            "numSignatures": 1,
            "hash": [base64.b64encode(digest).decode()],
            "hashAlgo": SHA256_OID,
            "description": description,
        }
        body |= {name: value for name, value in (("PIN", pin), ("OTP", otp)) if value}
        sad = self._post("credentials/authorize", body).get("SAD")
        if not isinstance(sad, str) or not sad:
            raise ProviderError("garbled")
        return sad

    def sign_hash(self, credential_id: str, sad: str, digest: bytes, algorithm: str) -> bytes:
        """The signature of one SHA-256 by the key; ``algorithm`` is the OID of the signature algorithm."""
        answer = self._post(
            "signatures/signHash",
            {
                "credentialID": credential_id,
                "SAD": sad,
                "hash": [base64.b64encode(digest).decode()],
                "hashAlgo": SHA256_OID,
                "signAlgo": algorithm,
            },
        )
        made = answer.get("signatures")
        if not isinstance(made, list) or len(made) != 1 or not isinstance(made[0], str):
            raise ProviderError("garbled")
        try:
            return base64.b64decode(made[0], validate=True)
        except ValueError as fault:
            raise ProviderError("garbled") from fault

    def _bearer(self) -> str:
        if not self._token or time.monotonic() >= self._until:
            form = {
                "grant_type": "client_credentials",
                "client_id": self.provider.client_id,
                "client_secret": self.provider.client_secret,
            }
            address = self.provider.token_url or self._address("oauth2/token")
            answer = self._send(
                address, urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"}
            )
            token, lasts = answer.get("access_token"), answer.get("expires_in", 3600)
            if not isinstance(token, str) or not _BEARER.fullmatch(token) or not isinstance(lasts, int):
                raise ProviderError("garbled")
            self._token, self._until = token, time.monotonic() + max(0, min(lasts, LONGEST_TOKEN) - 5)
        return self._token

    def _post(self, call: str, body: dict[str, Any], *, signed_in: bool = True) -> dict[str, Any]:
        address, sent = self._address(call), json.dumps(body)
        headers = {"Content-Type": "application/json"}
        if not signed_in:
            return self._send(address, sent, headers)
        try:
            return self._send(address, sent, headers | {"Authorization": f"Bearer {self._bearer()}"})
        except ProviderError as fault:
            if fault.code != "invalid_token":
                raise
        # The provider ended the token before its time: one more try with a fresh one.
        self._token = ""
        return self._send(address, sent, headers | {"Authorization": f"Bearer {self._bearer()}"})

    def _address(self, call: str) -> str:
        return f"{self.provider.url.rstrip('/')}/csc/v1/{call}"

    def _send(self, address: str, body: str, headers: dict[str, str]) -> dict[str, Any]:
        parts = urlsplit(address)
        call = parts.path.rpartition("/csc/v1/")[2]
        assert parts.hostname is not None
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=self.provider.ca_file or None)
            connection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=self._seconds, context=context
            )
        else:
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=self._seconds)
        try:
            connection.request("POST", parts.path, body, {"Accept": "application/json", **headers})
            response = connection.getresponse()
            raw = response.read(LARGEST + 1)
            status = response.status
        except (OSError, http.client.HTTPException) as fault:
            log.warning("%s: %s failed: %s", self.provider.key, call, type(fault).__name__)
            raise ProviderError("unreachable") from None
        finally:
            connection.close()
        answer = _decoded(raw)
        if status == 200 and answer is not None:
            return answer
        if status == 204 and not raw:
            return {}
        log.warning("%s: %s answered %s", self.provider.key, call, status)
        raise ProviderError(_code(status, answer))


def _code(status: int, answer: dict[str, Any] | None) -> str:
    """The provider's error code; where it names only a parameter, the code of that parameter."""
    if answer is None:
        return "garbled"
    code = str(answer.get("error", ""))[:60]
    if status == 401 and code != "invalid_client":
        return "invalid_token"
    if code == "invalid_request":
        said = str(answer.get("error_description", ""))
        return next((f"invalid_{name.lower()}" for name in ("OTP", "PIN", "SAD") if name in said), code)
    return code or "garbled"


def _decoded(raw: bytes) -> dict[str, Any] | None:
    if len(raw) > LARGEST:
        return None
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None
