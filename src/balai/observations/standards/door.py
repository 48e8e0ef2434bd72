"""What a standard needs to stand at the door, and the paths by which it is found."""

import zlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from balai.observations.checking import LARGEST_BODY
from balai.observations.intake import Door, RefusedBatchError

if TYPE_CHECKING:
    from balai.observations.asgi import Node

Receive = Callable[[], Awaitable[dict[str, Any]]]


class Request:
    """One request; its body is read only when asked for, and never beyond what a batch may have."""

    def __init__(
        self, method: str, path: str, query: bytes, headers: Mapping[bytes, bytes], receive: Receive
    ) -> None:
        """``headers`` have lower-case names."""
        self.method, self.path, self.query, self.headers = method, path, query, headers
        self._receive, self._ended = receive, False

    def header(self, name: str) -> str:
        """A header by its lower-case name; empty where it was not sent."""
        return self.headers.get(name.encode(), b"").decode("latin-1")

    async def pass_over(self) -> None:
        """Let the body of one who is refused go by, so that the answer is heard; nothing of it is held."""
        size = 0
        with suppress(RefusedBatchError):
            while not self._ended and size <= LARGEST_BODY:
                size += len(await self._part())

    async def body(self, largest: int = LARGEST_BODY) -> bytes:
        """The body, unpacked, of ``largest`` bytes at most. Raises RefusedBatchError."""
        encoding = self.header("content-encoding").lower()
        if encoding not in ("", "identity", "gzip"):
            raise RefusedBatchError(415, "content-encoding", "Send the body plain or gzipped.")
        parts, size = [], 0
        unpack = zlib.decompressobj(31) if encoding == "gzip" else None
        while not self._ended:
            part = await self._part()
            if unpack is not None:
                try:
                    part = unpack.decompress(part, largest + 1 - size)
                except zlib.error:
                    raise RefusedBatchError(400, "gzip", "The body is not gzip.") from None
                if unpack.unused_data:
                    raise RefusedBatchError(400, "gzip", "Something follows the gzipped body.")
            size += len(part)
            if size > largest or (unpack is not None and unpack.unconsumed_tail):
                raise RefusedBatchError(413, "size", f"A batch has at most {largest} bytes, unpacked.")
            parts.append(part)
        if unpack is not None and not unpack.eof:
            raise RefusedBatchError(400, "gzip", "The gzipped body is not whole.")
        return b"".join(parts)

    async def _part(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._ended = True
            raise RefusedBatchError(400, "disconnected", "The sender went away.")
        self._ended = not message.get("more_body", False)
        return bytes(message.get("body", b""))


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered; where it names the door, the answer tells what the key may still send."""

    status: int
    body: bytes
    kind: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    door: Door | None = None


class Standard(Protocol):
    """``answer`` may raise RefusedBatchError, which ``refusal`` then says in the standard's words."""

    async def answer(self, node: "Node", request: Request) -> Reply: ...

    def refusal(self, fault: RefusedBatchError, request: Request) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Address:
    """Where the items of a contract are sent in a standard's own form.

    ``about`` is where the standard describes it, ``status`` what is answered where all went well, and
    ``body`` the type of the request, where it is described here.
    """

    method: str
    path: str
    about: str
    status: int = 200
    body: Any = None


_standards: dict[str, Standard] = {}
_addresses: dict[str, tuple[Address, ...]] = {}


def standard(
    first: str, handler: Standard, addresses: Mapping[str, tuple[Address, ...]] | None = None
) -> None:
    """Let ``handler`` answer every path whose first part is ``first``; ValueError for a second one.

    ``addresses`` are told of each value that a contract may have as its ``standard``.
    """
    if first in _standards:
        raise ValueError(f"/{first}/ has a standard already")
    _standards[first] = handler
    _addresses.update(addresses or {})


def addresses_of(name: str) -> tuple[Address, ...]:
    """Where a contract of this ``standard`` is sent, beside the hub's own form; empty where none is known."""
    return _addresses.get(name, ())


def standard_of(path: str) -> Standard | None:
    """The standard that answers the path, if any."""
    return _standards.get(path[1:].partition("/")[0])
