"""One request: to one judged address, once, within a time that counts everything, without following on."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache

from balai.core.errors import Invalid
from balai.observations.webhooks.addresses import AddressError, Resolve, from_system, judged, read
from balai.observations.webhooks.models import Fault

SECONDS = 15.0
CONNECT_SECONDS = 5.0
LOOK_UP_SECONDS = 60.0
MOST_BYTES = 4096
EXCERPT = 300
LONGEST_WAIT = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request. ``fault`` is empty where it was delivered."""

    status: int | None
    fault: str
    milliseconds: int
    excerpt: str = ""
    retry_after: float = 0.0


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    resolve: Resolve = from_system,
    seconds: float = SECONDS,
) -> Answer:
    """Send ``body``; never raises. A success is any status from 200 to 299, whatever the answer holds."""
    begun = time.monotonic()
    status, excerpt, wait = None, "", 0.0
    fault: Fault | None
    try:
        target = read(url)
        found = judged(target, resolve)
        looked_up = time.monotonic()
        if looked_up - begun > LOOK_UP_SECONDS:
            raise TimeoutError
        deadline = looked_up + seconds
        with ExitStack() as stack:
            plain = _connect(found, target.port, min(CONNECT_SECONDS, seconds))
            stack.callback(plain.close)
            _cut_at(deadline, plain, stack)
            plain.settimeout(max(deadline - time.monotonic(), 0.01))
            spoken = plain
            if target.secure:
                spoken = _trusted().wrap_socket(plain, server_hostname=target.host)
                stack.callback(spoken.close)
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.sock = spoken
            stack.callback(connection.close)
            fixed = {
                "Host": target.authority,
                "User-Agent": "Balai-Webhooks/1",
                "Content-Type": "application/json",
                "Connection": "close",
            }
            connection.request("POST", target.path, body, {**fixed, **headers})
            response = connection.getresponse()
            stack.callback(response.close)
            if time.monotonic() >= deadline:
                raise TimeoutError  # cut off among the headers, which looks like their end
            status = response.status
            wait = _seconds(response.getheader("Retry-After", ""))
            with suppress(OSError, http.client.HTTPException):
                excerpt = _beginning(response.read(MOST_BYTES))
    except AddressError as problem:
        fault = Fault.ADDRESS if problem.known else Fault.NAME
    except Invalid:
        fault = Fault.ADDRESS
    except TimeoutError:
        fault = Fault.TIMEOUT
    except (OSError, http.client.HTTPException, ValueError) as problem:
        late = time.monotonic() - begun >= seconds
        fault = Fault.TIMEOUT if late else _kind(problem)
    else:
        fault = None if 200 <= status < 300 else Fault.STATUS
    spent = int((time.monotonic() - begun) * 1000)
    return Answer(status, fault.value if fault else "", spent, excerpt, wait)


def _connect(found: list[str], port: int, seconds: float) -> socket.socket:
    """To the first of the judged addresses that answers, of three at most. Raises OSError."""
    *others, last = found[:3]
    for address in others:
        with suppress(OSError):
            return socket.create_connection((address, port), seconds / len(found[:3]))
    return socket.create_connection((last, port), seconds / len(found[:3]))


@cache
def _trusted() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _cut_at(deadline: float, plain: socket.socket, stack: ExitStack) -> None:
    """Hang up at the deadline, whoever waits for whom: the socket's own timeout counts one read only."""
    line = plain.dup()
    stack.callback(line.close)

    def hang_up() -> None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    watch = threading.Timer(max(deadline - time.monotonic(), 0.0), hang_up)
    watch.daemon = True
    watch.start()
    stack.callback(watch.cancel)


def _kind(problem: Exception) -> Fault:
    if isinstance(problem, ssl.SSLError):
        return Fault.TLS
    # A receiver that hangs up without a word raises both an HTTPException and an OSError.
    return Fault.CONNECTION if isinstance(problem, OSError) else Fault.PROTOCOL


def _beginning(data: bytes) -> str:
    text = " ".join(data.decode("utf-8", "replace").split())
    return "".join(c for c in text if c.isprintable())[:EXCERPT]


def _seconds(text: str) -> float:
    """Of a Retry-After header: seconds, or a date; 0 for anything else. At most a day."""
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT)
    with suppress(ValueError, TypeError, OverflowError):
        at = parsedate_to_datetime(text)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return min(max((at - datetime.now(UTC)).total_seconds(), 0.0), LONGEST_WAIT)
    return 0.0
