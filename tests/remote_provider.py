"""A remote signing service for tests: its own authority and keys, speaking CSC v1 over a real socket."""

import base64
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding

from balai.agreements.csc import Provider
from tests.agreements_certificates import Issued, make_certificate

CLIENT, SECRET = "balai", "rahasia-hub-4711"
PIN = "246810"
SHA256_OID = "2.16.840.1.101.3.4.2.1"
ALGORITHMS = {"rsa": "1.2.840.113549.1.1.11", "ec": "1.2.840.10045.4.3.2"}


class Service:
    """What the service knows, and how it is made to misbehave.

    ``mood``: ``""`` (well), ``slow``, ``redirect``, ``garbled``, ``huge``, ``down`` (answers 503),
    ``other_hash`` (signs something else), ``old`` (returns the first signature it ever made), ``deep`` (nests
    without end), ``lines`` (a token of two lines), ``eternal`` (a token that lasts beyond all numbers).
    """

    def __init__(self) -> None:
        self.authority = make_certificate("Otoritas Jarak Jauh (rekaan)", "ec")
        self.keys: dict[str, tuple[str, Issued, str]] = {}
        self.mood = ""
        self.only = ""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.tokens: set[str] = set()
        self.tokens_made = 0
        self.codes: dict[str, str] = {}
        self.approved: dict[str, tuple[str, str, float]] = {}
        self.first_signature = ""
        self.url = ""

    def enrol(self, user_id: str, name: str, kind: str = "ec", status: str = "enabled") -> str:
        """Give a person a key; returns its id."""
        key_id = f"kunci-{len(self.keys) + 1}"
        self.keys[key_id] = (user_id, make_certificate(name, kind, by=self.authority), status)
        return key_id

    def provider(self, **extra: str) -> Provider:
        values = {"key": "psre", "name": "PSrE Rekaan", "url": self.url, "client_id": CLIENT}
        return Provider(**(values | {"client_secret": SECRET} | extra))

    def toml(self) -> str:
        return (
            f'[[provider]]\nkey = "psre"\nname = "PSrE Rekaan"\nurl = "{self.url}"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
        )

    def answer(self, call: str, body: dict[str, Any], token: str) -> tuple[int, dict[str, Any]]:
        if call == "info":
            return 200, {
                "specs": "1.0.4.0",
                "name": "PSrE Rekaan",
                "authType": ["oauth2client"],
                "lang": "id",
            }
        if call == "oauth2/token":
            if (body.get("client_id"), body.get("client_secret")) != (CLIENT, SECRET):
                return 401, {"error": "invalid_client"}
            made = secrets.token_urlsafe(16)
            self.tokens.add(made)
            self.tokens_made += 1
            return 200, {"access_token": made, "token_type": "Bearer", "expires_in": 3600}
        if token not in self.tokens:
            return 401, {"error": "invalid_token", "error_description": "The access token expired"}
        if call == "credentials/list":
            mine = [key for key, (user, _, _) in self.keys.items() if user == body["userID"]]
            return 200, {"credentialIDs": mine}
        if body.get("credentialID") not in self.keys:
            return 400, {"error": "invalid_request", "error_description": "Invalid parameter credentialID"}
        return self._of_key(call, body)

    def _of_key(self, call: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        key_id = body["credentialID"]
        _, issued, status = self.keys[key_id]
        kind = "rsa" if isinstance(issued.key, rsa.RSAPrivateKey) else "ec"
        if call == "credentials/info":
            chain = (issued.certificate, self.authority.certificate)
            return 200, {
                "key": {"status": status, "algo": [ALGORITHMS[kind]], "len": 2048 if kind == "rsa" else 256},
                "cert": {
                    "status": "valid",
                    "certificates": [base64.b64encode(c.public_bytes(Encoding.DER)).decode() for c in chain],
                },
                "authMode": "explicit",
                "PIN": {"presence": "true"},
                "OTP": {"presence": "true", "type": "online"},
                "multisign": 1,
                "SCAL": "2",
            }
        if call == "credentials/sendOTP":
            self.codes[key_id] = f"{secrets.randbelow(10**6):06d}"
            return 200, {}
        if call == "credentials/authorize":
            if body.get("PIN") != PIN:
                return 400, {"error": "invalid_pin", "error_description": "The PIN is invalid"}
            if not body.get("OTP") or body["OTP"] != self.codes.pop(key_id, ""):
                return 400, {"error": "invalid_request", "error_description": "Invalid parameter OTP"}
            sad = secrets.token_urlsafe(16)
            self.approved[sad] = (key_id, body["hash"][0], time.monotonic() + 60)
            return 200, {"SAD": sad, "expiresIn": 60}
        if call == "signatures/signHash":
            # Each approval is for one signature over one hash.
            key, digest, until = self.approved.pop(body["SAD"], ("", "", 0.0))
            if key != key_id or digest != body["hash"][0] or until < time.monotonic():
                return 400, {"error": "invalid_request", "error_description": "Invalid parameter SAD"}
            assert (body["hashAlgo"], body["signAlgo"]) == (SHA256_OID, ALGORITHMS[kind])
            return 200, {"signatures": [self._signature(issued, base64.b64decode(digest))]}
        return 404, {"error": "invalid_request"}

    def _signature(self, issued: Issued, digest: bytes) -> str:
        if self.mood == "other_hash":
            digest = bytes(32)
        if self.mood == "old" and self.first_signature:
            return self.first_signature
        known = utils.Prehashed(hashes.SHA256())
        if isinstance(issued.key, rsa.RSAPrivateKey):
            made = issued.key.sign(digest, padding.PKCS1v15(), known)
        else:
            made = issued.key.sign(digest, ec.ECDSA(known))
        text = base64.b64encode(made).decode()
        self.first_signature = self.first_signature or text
        return text


class Handler(BaseHTTPRequestHandler):
    service: Service

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        call = self.path.removeprefix("/csc/v1/")
        if self.headers["Content-Type"] == "application/x-www-form-urlencoded":
            body: dict[str, Any] = {name: values[0] for name, values in parse_qs(raw.decode()).items()}
        else:
            body = json.loads(raw)
        service = self.service
        service.calls.append((call, body))
        mood = service.mood if service.only in ("", call) else ""
        if mood == "slow":
            time.sleep(1.5)
        if mood == "redirect":
            self.send_response(302)
            self.send_header("Location", f"{service.url}/csc/v1/info")
            self.end_headers()
            return
        token = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        status, answer = service.answer(call, body, token)
        sent = json.dumps(answer).encode()
        if mood == "garbled":
            sent = b"<html>maaf</html>"
        if mood == "huge":
            sent = json.dumps(answer | {"padding": "x" * 2_000_000}).encode()
        if mood == "deep":
            sent = b"[" * 200_000
        if mood in ("lines", "eternal"):
            sent = json.dumps(
                {"access_token": "rahasia\r\nX-Lain: 1", "expires_in": 3600}
                if mood == "lines"
                else answer | {"expires_in": 10**400}
            ).encode()
        if mood == "down":
            status, sent = 503, b""
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)
        except OSError:
            return

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def running() -> Iterator[Service]:
    """The service on a free port of this machine."""
    service = Service()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"service": service}))
    server.daemon_threads = True
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
