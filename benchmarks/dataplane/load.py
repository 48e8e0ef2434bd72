"""A lean HTTP client of its own process: sends ready-made requests over keep-alive connections.

``python load.py REQUESTS PORT CONNECTIONS ANSWERS`` reads length-prefixed requests, prints seconds and
latencies as JSON and writes one answer's body a line. It imports nothing of the hub: its CPU is not counted.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path


class Sender(asyncio.Protocol):
    """One connection: the next request goes out when the last one is answered."""

    def __init__(self, requests: Iterator[bytes], statuses: Counter[int]) -> None:
        self.requests, self.statuses = requests, statuses
        self.seconds: list[float] = []
        self.answers: list[bytes] = []
        self.done = asyncio.get_running_loop().create_future()
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def _next(self) -> None:
        request = next(self.requests, None)
        if request is None:
            self._transport.close()
            self.done.set_result(None)
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, end, rest = self._held.partition(b"\r\n\r\n")
        if not end:
            return
        lower = head.lower()
        if b"content-length:" in lower:
            length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
            if len(rest) < length:
                return
        elif not rest.endswith(b"0\r\n\r\n"):
            return
        self.seconds.append(time.perf_counter() - self._sent)
        self.statuses[int(head[9:12])] += 1
        self.answers.append(rest)
        self._held = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(f"the server hung up: {exc}"))


async def send(requests: list[bytes], port: int, connections: int) -> tuple[dict[str, object], list[bytes]]:
    loop = asyncio.get_running_loop()
    left, statuses = iter(requests), Counter[int]()
    start = time.perf_counter()
    senders = []
    for _number in range(connections):
        _transport, sender = await loop.create_connection(lambda: Sender(left, statuses), "127.0.0.1", port)
        senders.append(sender)
    await asyncio.gather(*(sender.done for sender in senders))
    seconds = time.perf_counter() - start
    latencies = sorted(one for sender in senders for one in sender.seconds)
    found: dict[str, object] = {
        "seconds": seconds,
        "p50": latencies[len(latencies) // 2],
        "p99": latencies[int(len(latencies) * 0.99)],
        "statuses": statuses,
    }
    return found, [answer for sender in senders for answer in sender.answers]


def main() -> None:
    requests_file, port, connections, answers_file = sys.argv[1:]
    held, requests, at = Path(requests_file).read_bytes(), [], 0
    while at < len(held):
        length = int.from_bytes(held[at : at + 4], "little")
        requests.append(held[at + 4 : at + 4 + length])
        at += 4 + length
    found, answers = asyncio.run(send(requests, int(port), int(connections)))
    Path(answers_file).write_bytes(b"\n".join(answer.replace(b"\n", b" ") for answer in answers))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
