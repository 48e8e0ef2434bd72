"""Answers to "may I?" that can say why not."""

from dataclasses import dataclass

from balai.core.errors import Refused, Text


@dataclass(frozen=True, slots=True)
class Verdict:
    """Truthy when allowed; otherwise ``reason`` is the sentence a person reads."""

    allowed: bool
    reason: Text = ""

    def __bool__(self) -> bool:
        return self.allowed


YES = Verdict(True)


def no(reason: Text) -> Verdict:
    return Verdict(False, reason)


def require(verdict: Verdict) -> None:
    """Raise `Refused` with the verdict's reason unless it allows."""
    if not verdict:
        raise Refused(verdict.reason)
