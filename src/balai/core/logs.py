"""What the hub writes to standard error: lines for people, or one JSON object a line for machines.

The rooms that handle partners' rows (``QUIET``) tell of a fault where it happened and of what kind it was,
not in its own words: an engine's or a parser's may quote what was sent.
"""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

QUIET = ("balai.observations",)
LINE = "%(asctime)s %(levelname)s %(name)s %(message)s"


def without_words(fault: BaseException) -> str:
    """The fault and what led to it by their kinds and places, innermost first."""
    told = []
    seen: BaseException | None = fault
    while seen is not None:
        kind = type(seen)
        frames = traceback.extract_tb(seen.__traceback__)
        where = ", ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
        reason = f" ({seen.strerror})" if isinstance(seen, OSError) and seen.strerror else ""
        told.append(f"{kind.__module__}.{kind.__qualname__}{reason} at {where or 'nowhere'}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\n".join(told)


class Lines(logging.Formatter):
    """One line an event, and a fault's below it."""

    def __init__(self) -> None:
        super().__init__(LINE)

    def format(self, record: logging.LogRecord) -> str:
        if record.name.startswith(QUIET) and record.exc_info and record.exc_info[1] is not None:
            # The text that other handlers keep is not theirs to share either.
            record.exc_text = without_words(record.exc_info[1])
        return super().format(record)


class Objects(Lines):
    """One JSON object a line: time (UTC), level, logger, message, fault, and ``facts`` given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        record.message = record.getMessage()
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.message,
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            quiet = record.name.startswith(QUIET)
            fault = record.exc_info[1]
            told["fault"] = without_words(fault) if quiet else self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False, default=str)
