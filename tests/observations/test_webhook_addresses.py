"""Where a webhook may lead, and what one request does: never inside, never further, never for long."""

import ipaddress
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from balai.core.errors import Invalid
from balai.observations.webhooks import client
from balai.observations.webhooks.actions import add_webhook
from balai.observations.webhooks.addresses import AddressError, check, is_open, judged, read
from balai.observations.webhooks.client import post
from balai.observations.webhooks.sending import serve
from tests.builders import make_city, make_company, make_founder
from tests.webhook_builders import Receiver, answers, listening, make_delivery

PUBLIC = "93.184.215.14"


def resolves(*addresses: str):
    return lambda _host, _port: list(addresses)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.contoh.id/",
        "ftp://hooks.contoh.id/",
        "https://",
        "https:///jalan",
        "//hooks.contoh.id/",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://93.184.215.14/",
        "https://dalam/",
        "https://hooks.contoh.id:22/",
        "https://hooks.contoh.id:80/",
        "https://hooks.contoh.id:99999/",
        "https://hooks.contoh.id:0/",
        "https://nama:sandi@hooks.contoh.id/",
        "https://hooks.contoh.id@127.0.0.1/",
        "https://hooks.contoh.id\\@127.0.0.1/",
        "https://hooks.contoh.id/#bagian",
        "https://hooks.contoh.id/#",
        "https://hooks.contoh.id/ spasi",
        "https://hooks.contoh.id/\r\nX-Lain: 1",
        "https://hooks。contoh。id/",
        "https://hooks.contoh.id./",
        "https://-hooks.contoh.id/",
        "https://hooks.contoh.id/" + "a" * 500,
    ],
)
def test_addresses_that_are_refused_as_written(url) -> None:
    with pytest.raises(Invalid) as fault:
        read(url)

    assert list(fault.value.fields) == ["url"]


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://hooks.contoh.id", "hooks.contoh.id", 443, "/", "hooks.contoh.id"),
        ("https://HOOKS.contoh.id:443/a?b=c", "hooks.contoh.id", 443, "/a?b=c", "hooks.contoh.id"),
        ("https://a-b.xn--p1ai:8443/", "a-b.xn--p1ai", 8443, "/", "a-b.xn--p1ai:8443"),
    ],
)
def test_addresses_that_are_taken(url, host, port, path, authority) -> None:
    target = read(url)

    assert (target.host, target.port, target.path, target.authority) == (host, port, path, authority)


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.16.0.1"),
        *("172.31.255.255", "192.0.0.8", "192.168.1.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"),
        *("::", "::1", "::ffff:10.0.0.1", "::ffff:93.184.215.14", "::127.0.0.1", "64:ff9b::7f00:1"),
        *("64:ff9b:1::a00:1", "2002:7f00:1::", "2001::1", "2001:db8::1", "fc00::1", "fd00:ec2::254"),
        *("fe80::1", "fe80::1%eth0", "ff02::1", "100::1", "5f00::1", "nonsense", ""),
    ],
)
def test_closed_addresses(address) -> None:
    assert not is_open(address)
    with pytest.raises(AddressError):
        judged(read("https://hooks.contoh.id/"), resolves(address))


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_nothing_is_open_that_the_registries_do_not_call_global(address) -> None:
    if is_open(str(address)):
        assert address.is_global
        assert not any((address.is_multicast, address.is_private, address.is_loopback, address.is_reserved))
    elif address.version == 4 and address.is_global and not address.is_multicast:
        assert any(address in ipaddress.ip_network(net) for net in ("192.0.0.0/24", "192.88.99.0/24"))


@given(st.text(max_size=80))
def test_whatever_is_written_is_read_or_refused(text) -> None:
    for url in (text, f"https://{text}", f"https://hooks.contoh.id{text}", f"https://a.contoh.id/{text}"):
        try:
            target = read(url)
        except Invalid:
            continue
        assert target.secure
        assert "." in target.host
        assert not any(c in target.path for c in " \r\n#\\")


def test_one_closed_address_among_open_ones_is_enough() -> None:
    with pytest.raises(Invalid, match="jaringan publik"):
        check("https://hooks.contoh.id/", resolves(PUBLIC, "10.0.0.1"))


def test_an_unknown_name_is_said_so() -> None:
    def nobody(_host: str, _port: int) -> list[str]:
        raise socket.gaierror

    with pytest.raises(Invalid, match="tidak dikenal"):
        check("https://hooks.contoh.id/", nobody)
    assert post("https://hooks.contoh.id/", b"{}", {}, resolve=nobody).fault == "name"


def test_this_machine_is_told_only_where_somebody_tries_the_hub_out(settings) -> None:
    with listening() as receiver:
        settings.DEBUG, settings.DEMO, settings.SECURE = False, True, True
        in_public = post(receiver.url, b"{}", {})
        settings.SECURE = False
        in_a_demonstration = post(receiver.url, b"{}", {})

    assert (in_public.fault, in_a_demonstration.fault, len(receiver.came)) == ("address", "", 1)


@pytest.mark.django_db
def test_a_name_that_changes_its_mind_leads_nowhere() -> None:
    """The name server says a public address when the webhook is added and this machine's afterwards."""
    said = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1", PUBLIC]])
    firm = make_company()
    with listening() as receiver:
        webhook, _secret = add_webhook(
            by=make_founder(firm),
            city=make_city(),
            organisation=firm,
            url=f"https://hooks.contoh.id:{receiver.url.split(':')[2].partition('/')[0]}/",
            chosen=["data.key_made"],
            resolve=lambda _host, _port: next(said),
        )
        sent = make_delivery(webhook)
        serve(webhook.pk, resolve=lambda _host, _port: next(said))

    attempt = sent.attempts.get()
    assert (attempt.status, attempt.fault, receiver.came) == (None, "address", [])


def test_the_name_is_asked_for_once_and_the_connection_goes_to_what_was_judged(settings) -> None:
    settings.DEBUG = True
    asked = []
    with listening() as receiver:
        port = int(receiver.url.split(":")[2].partition("/")[0])

        def resolve(host: str, port: int) -> list[str]:
            asked.append(host)
            return ["127.0.0.1"]

        answer = post(f"http://localhost:{port}/a", b"{}", {}, resolve=resolve)

    assert (answer.status, asked) == (204, ["localhost"])
    assert receiver.came[0][0]["host"] == f"localhost:{port}"


# One request


@pytest.mark.parametrize(
    ("status", "fault"),
    [(200, ""), (201, ""), (299, ""), (301, "status"), (308, "status"), (404, "status"), (500, "status")],
)
def test_only_success_counts_and_no_redirect_is_followed(settings, status, fault) -> None:
    settings.DEBUG = True
    with (
        listening() as elsewhere,
        listening(Receiver(answers(status, Location=elsewhere.url))) as receiver,
    ):
        answer = post(receiver.url, b"{}", {})

    assert (answer.status, answer.fault, len(receiver.came), len(elsewhere.came)) == (status, fault, 1, 0)


def test_of_the_answer_only_the_beginning_is_kept(settings) -> None:
    settings.DEBUG = True
    long = b"<p>\x00\x1b[31m" + "é".encode() + b"a" * 5_000_000
    with listening(Receiver(lambda number: (200, {}, long))) as receiver:
        answer = post(receiver.url, b"{}", {})

    assert (len(answer.excerpt), answer.excerpt[:8], answer.fault) == (300, "<p>[31mé", "")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("120", 120), ("99999999", 86400), ("-5", 0), ("lama", 0), ("", 0), ("9" * 5000, 86400)],
)
def test_how_long_a_receiver_asks_to_be_left_alone(settings, text, seconds) -> None:
    settings.DEBUG = True
    with listening(Receiver(answers(503, Retry_After=text))) as receiver:
        assert post(receiver.url, b"{}", {}).retry_after == seconds


def test_a_date_to_come_back_at(settings) -> None:
    settings.DEBUG = True
    at = datetime.now(UTC) + timedelta(seconds=90)
    named = {"Retry-After": f"{at:%a, %d %b %Y %H:%M:%S GMT}"}
    with listening(Receiver(lambda number: (503, named, b""))) as receiver:
        assert 80 < post(receiver.url, b"{}", {}).retry_after <= 90


@contextmanager
def dripping(first: bytes, drop: bytes, pause: float = 0.05):
    """A server that never comes to an end: one drop after the other."""
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve_one() -> None:
        line, _peer = server.accept()
        try:
            line.sendall(first)
            while not stop.wait(pause):
                line.sendall(drop)
        except OSError:
            pass
        finally:
            line.close()

    thread = threading.Thread(target=serve_one, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
    finally:
        stop.set()
        server.close()
        thread.join(timeout=2)


@pytest.mark.parametrize(
    ("first", "drop", "status", "fault"),
    [
        (b"", b"", None, "timeout"),
        (b"HTTP/1.1 200 OK\r\nX", b"a", None, "timeout"),
        (b"HTTP/1.1 200 OK\r\n", b"X: 1\r\n", None, "timeout"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"a", 200, ""),
    ],
    ids=["silence", "one header for ever", "headers for ever", "body for ever"],
)
def test_nobody_holds_a_request_longer_than_its_time(settings, first, drop, status, fault) -> None:
    settings.DEBUG = True
    begun = time.monotonic()
    with dripping(first, drop) as url:
        answer = post(url, b"{}", {}, seconds=0.4)

    assert (answer.status, answer.fault) == (status, fault)
    assert time.monotonic() - begun < 2


def test_what_is_no_http_or_hangs_up_is_told_apart(settings) -> None:
    settings.DEBUG = True
    with dripping(b"SSH-2.0-x\r\n" * 3, b"") as url:
        garbled = post(url, b"{}", {}, seconds=2)
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    closed = post(f"http://127.0.0.1:{port}/", b"{}", {}, seconds=2)

    assert (garbled.fault, closed.fault) == ("protocol", "connection")


# Over TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A made-up authority, and a server certificate of hooks.contoh.id signed by it."""
    folder = tmp_path_factory.mktemp("tls")
    now = datetime.now(UTC)

    def certificate(name: str, key, issuer: str, signer, *, root: bool) -> x509.Certificate:
        named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(named)
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        if root:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        else:
            names = x509.SubjectAlternativeName([x509.DNSName(name)])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(signer, SHA256())

    top, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    (folder / "ca.pem").write_bytes(certificate("Uji", top, "Uji", top, root=True).public_bytes(Encoding.PEM))
    (folder / "server.pem").write_bytes(
        own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate("hooks.contoh.id", own, "Uji", top, root=False).public_bytes(Encoding.PEM)
    )
    return folder


@pytest.fixture
def trusted(authority, monkeypatch, settings):
    """A server's context, with its authority among those the hub trusts."""
    settings.DEBUG = True
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))
    client._trusted.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem")
    yield context
    client._trusted.cache_clear()


def test_the_name_stands_in_the_handshake_and_in_the_request(trusted) -> None:
    asked = []
    trusted.sni_callback = lambda _line, name, _context: asked.append(name)
    with listening(context=trusted) as receiver:
        port = receiver.url.split(":")[2].partition("/")[0]
        answer = post(f"https://hooks.contoh.id:{port}/a", b"{}", {}, resolve=resolves("127.0.0.1"))

    assert (answer.status, answer.fault, asked) == (204, "", ["hooks.contoh.id"])
    assert receiver.came[0][0]["host"] == f"hooks.contoh.id:{port}"


def test_a_certificate_of_another_name_or_of_nobody_is_refused(trusted, monkeypatch) -> None:
    with listening(context=trusted) as receiver:
        port = receiver.url.split(":")[2].partition("/")[0]
        other = post(f"https://lain.contoh.id:{port}/", b"{}", {}, resolve=resolves("127.0.0.1"))
        monkeypatch.delenv("SSL_CERT_FILE")
        client._trusted.cache_clear()
        strange = post(f"https://hooks.contoh.id:{port}/", b"{}", {}, resolve=resolves("127.0.0.1"))

    assert (other.fault, strange.fault, receiver.came) == ("tls", "tls", [])


def test_a_handshake_that_never_ends_is_cut_off(trusted) -> None:
    begun = time.monotonic()
    with dripping(b"", b"\x16") as url:
        port = url.split(":")[2].strip("/")
        answer = post(
            f"https://hooks.contoh.id:{port}/", b"{}", {}, resolve=resolves("127.0.0.1"), seconds=0.4
        )

    assert answer.status is None
    assert answer.fault in ("timeout", "tls")
    assert time.monotonic() - begun < 2
