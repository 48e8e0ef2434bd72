"""What can happen, as the ledger names it. Rooms register their verbs; nothing else gets in."""

from dataclasses import dataclass

from balai.core.errors import Text


@dataclass(frozen=True, slots=True)
class Verb:
    """``label`` follows the actor in a sentence; ``kind`` is the sort of news a person can mute."""

    name: str
    label: Text
    kind: str
    icon: str


_verbs: dict[str, Verb] = {}


def register(verb: str, *, label: Text, kind: str, icon: str = "dot") -> None:
    """Make ``verb`` known. Raises ValueError if another room has taken the name."""
    known = _verbs.get(verb)
    if known and (known.kind, known.icon, str(known.label)) != (kind, icon, str(label)):
        raise ValueError(f"the verb {verb!r} is registered twice with different meanings")
    _verbs[verb] = Verb(verb, label, kind, icon)


def get(verb: str) -> Verb:
    """The registered verb. Raises KeyError with its name."""
    return _verbs[verb]


def label_of(verb: str) -> Text:
    """The sentence fragment that follows the actor. Raises KeyError for an unknown verb."""
    return _verbs[verb].label


def kind_of(verb: str) -> str:
    """The sort of news the verb is. Raises KeyError for an unknown verb."""
    return _verbs[verb].kind


def registered() -> dict[str, Verb]:
    """Every known verb by name."""
    return dict(_verbs)
