"""CPU time of one process, per call; and a fixed piece of work to compare machines by."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from statistics import median
from typing import Any

from django.db import connection


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of one call: the middle and the least of ``rounds``."""

    middle: float
    least: float
    rounds: int


def cost(work: Callable[[], Any], *, seconds: float = 0.6, most: int = 60, least: int = 5) -> Cost:
    """Call ``work`` once to warm up, then for about ``seconds`` of CPU, ``least`` to ``most`` times."""
    work()
    times: list[float] = []
    while len(times) < least or (len(times) < most and sum(times) < seconds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return Cost(median(times), min(times), len(times))


def once(work: Callable[[], Any]) -> tuple[Any, float]:
    """What ``work`` returned, and its CPU seconds."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


@contextmanager
def queries() -> Iterator[list[str]]:
    """The statements sent inside."""
    sent: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield sent


def yardstick() -> Cost:
    """A fixed piece of plain Python, so that two runs can be told apart from two machines."""

    def work() -> str:
        text = "".join(f"{number:x}" for number in range(20_000))
        return sha256("".join(sorted(text)).encode()).hexdigest()

    return cost(work)


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:8.2f}"


def line(name: str, *cells: str) -> None:
    print(f"  {name:<34}{'  '.join(cells)}", flush=True)


def heading(title: str, *columns: str) -> None:
    print(f"\n{title}")
    if columns:
        print(f"  {'':<34}{'  '.join(columns)}", flush=True)
