"""The three ways an action can say no. Pages and API turn each into one clear answer."""

from django.utils.functional import Promise

type Text = str | Promise


class BalaiError(Exception):
    """Base of every refusal; ``reason`` is a sentence in the reader's language."""

    def __init__(self, reason: Text) -> None:
        super().__init__(reason)
        self.reason = reason


class Refused(BalaiError):
    """The actor may not do this, or not yet; the reason says which rule and who can lift it."""


class Stale(BalaiError):
    """Somebody else changed the record since the actor last saw it. Nothing was written."""


class Invalid(BalaiError):
    """The input cannot be accepted. ``fields`` maps a field's name to its messages."""

    def __init__(self, reason: Text, fields: dict[str, list[Text]] | None = None) -> None:
        super().__init__(reason)
        self.fields = fields or {}
