"""What the API is asked about: one city with a record at each kind of stage, and keys to ask with."""

import datetime as dt
from typing import Any

from django.test import Client
from django.utils import timezone

from balai.agreements.models import Agreement
from balai.challenges.actions import ask_question
from balai.collaborations.models import Collaboration
from balai.core import notifications
from balai.people.keys import SCOPES, create_key
from balai.people.models import User
from balai.pilots import actions as pilots
from tests.builders import make_agency, make_auditor, make_founder, make_officer, make_user
from tests.needs_builders import make_draft, make_need, make_open_challenge
from tests.stories import World
from tests.webhook_builders import make_delivery, make_webhook


def key_of(user: User, *scopes: str) -> str:
    """The text of a new key; every scope unless some are named."""
    until = timezone.now() + dt.timedelta(days=30)
    return create_key(by=user, name="uji", scopes=scopes or SCOPES, expires_at=until)[1]


def caller(key: str = "", language: str = "en") -> Client:
    """A machine that sends this key, or none."""
    headers = {"Accept-Language": language} | ({"Authorization": f"Bearer {key}"} if key else {})
    return Client(headers=headers)


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    """Ask ``/api/v1`` + ``path`` with a JSON body."""
    extra = {} if body is None else {"data": body, "content_type": "application/json"}
    return client.generic(method, f"/api/v1{path}", **_encoded(extra))


def _encoded(extra: dict[str, Any]) -> dict[str, Any]:
    import json

    return extra | {"data": json.dumps(extra["data"])} if extra else {}


class Place:
    """Jakarta in small; ``at`` holds its collaborations by stage, ``people`` who may ask."""

    def __init__(self) -> None:
        self.world = world = World()
        self.citizen = make_user(name="Warga")
        self.people: dict[str, User | None] = {
            "stranger": None,
            "citizen": self.citizen,
            "founder": world.founder,
            "officer": world.officer,
            "bureau": world.bureau,
            "reviewer": world.reviewers[0],
            "analyst": world.analyst,
            "signatory": world.signatory,
            "auditor": make_auditor(world.city),
            "rival": make_founder(),
            "other_officer": make_officer(make_agency(world.city)),
        }
        self.need = make_need(by=self.citizen)
        self.hidden_draft = make_draft(world.agency, world.officer)
        self.call = make_open_challenge(world.agency, world.officer)
        ask_question(challenge=self.call, by=world.founder, text="Berapa halte yang dimaksud?")
        self.at: dict[str, Collaboration] = {
            stage: world.at(stage, title=f"Tahap {stage}") for stage in ("draft", "screening", "running")
        }
        pilots.report_incident(
            collaboration=self.at["running"],
            by=world.officer,
            severity="minor",
            happened_at=timezone.now() - dt.timedelta(hours=2),
            text="Unit rekaan terguling.",
        )
        self.webhook = make_webhook(world.partner)
        self.delivery = make_delivery(self.webhook, state="failed")
        sealed = Agreement.objects.select_related("sealed_document").get(collaboration=self.at["running"])
        assert sealed.sealed_document is not None
        self.sha256 = sealed.sealed_document.sha256
        while notifications.deliver():
            pass
