"""Makers of applications: a draft, a complete one, and one carried to any stage through the real doors."""

from io import BytesIO
from typing import Any

from balai.applications import actions
from balai.applications.models import Application
from balai.applications.queries import application_of
from balai.collaborations.actions import make_move, publish_shipped_schemes
from balai.collaborations.models import Collaboration
from balai.people.models import City, Organisation, Role, User
from tests.builders import make_agency, make_bureau, make_city, make_company, make_tkksd, make_user, seat


def pdf(text: str = "surat") -> bytes:
    """A small sound PDF whose bytes differ by ``text``."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter

    writer = PdfFileWriter()
    stream = writer.add_object(generic.StreamObject(stream_data=f"% {text}".encode()))
    writer.insert_page(
        PageObject(
            contents=stream,
            media_box=generic.ArrayObject(map(generic.NumberObject, (0, 0, 200, 200))),
            resources=generic.DictionaryObject(),
        )
    )
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def make_draft(
    founder: User | None = None,
    *,
    scheme: str = "playground",
    title: str = "Skuter di taman",
    city: City | None = None,
    partner: Organisation | None = None,
    challenge: Any = None,
) -> Application:
    """A draft as its founder opened it."""
    publish_shipped_schemes()
    if founder is None:
        founder = seat(make_user(), partner or make_company(), Role.FOUNDER)
    return actions.start_application(
        by=founder,
        partner=founder.hats[0].organisation,
        city=city or make_city(),
        scheme_key=scheme,
        title=title,
        challenge=challenge,
    )


def founder_of(application: Application) -> User:
    return User.objects.get(
        memberships__organisation=application.collaboration.partner, memberships__role=Role.FOUNDER
    )


def answers_for(application: Application, mark: str = "Jawaban") -> dict[str, Any]:
    """An answer to every question; ``mark`` is found again where a text leaks."""
    values: dict[str, Any] = {"text": mark, "line": mark, "number": 6, "flag": True, "date": "2026-01-31"}
    return {
        field.key: field.choices[0][0] if field.type == "choice" else values[field.type]
        for field in application.collaboration.scheme.fields
    }


def complete(
    application: Application, agency: Organisation | None = None, mark: str = "Jawaban"
) -> Application:
    """Fill in everything that is asked for, papers too."""
    by = founder_of(application)
    city = application.collaboration.city
    saved = actions.save_draft(
        application=application,
        by=by,
        revision=application.revision,
        answers=answers_for(application, mark),
        about={
            "title": application.collaboration.title,
            "summary": "Dua puluh unit di dua taman.",
            "dimensions": ["mobility"],
            "agency": agency or make_agency(city, name="Dinas Perhubungan"),
        },
    )
    for paper in application.collaboration.scheme.papers:
        if paper.required:
            actions.attach(
                application=saved,
                by=by,
                kind=paper.key,
                file=BytesIO(pdf(paper.key + mark)),
                name="surat.pdf",
            )
    return fresh(saved)


def fresh(application: Application) -> Application:
    """The application as stored now."""
    rows = Collaboration.objects.select_related("scheme_version", "partner", "agency", "challenge", "city")
    return application_of(rows.get(pk=application.collaboration_id))


def move(application: Application, key: str, by: User, **extra: Any) -> Application:
    collaboration = fresh(application).collaboration
    make_move(collaboration=collaboration, move=key, by=by, seen=collaboration.stage, **extra)
    return fresh(application)


def make_submitted(mark: str = "Jawaban", **extra: Any) -> Application:
    application = complete(make_draft(**extra), mark=mark)
    return move(application, "submit", founder_of(application))


def passing(application: Application, note: str = "") -> dict[str, tuple[bool, str]]:
    return {item.key: (True, note) for item in application.collaboration.scheme.checklist}


def make_in_review(bureau: User | None = None, **extra: Any) -> Application:
    application = make_submitted(**extra)
    bureau = bureau or make_bureau(application.collaboration.city)
    actions.record_checks(application=application, by=bureau, findings=passing(application))
    return move(application, "pass_screening", bureau)


def marks(application: Application, mark: int | None = 4) -> dict[str, int | None]:
    return {criterion.key: mark for criterion in application.collaboration.scheme.criteria}


def submit_review(
    application: Application, by: User | None = None, mark: int = 4, comment: str = "Meyakinkan."
) -> User:
    by = by or make_tkksd(application.collaboration.city)
    actions.submit_review(
        application=application,
        by=by,
        scores=marks(application, mark),
        recommendation="accept",
        comment=comment,
    )
    return by


def make_at_decision(bureau: User | None = None, **extra: Any) -> Application:
    application = make_in_review(bureau=bureau, **extra)
    submit_review(application, mark=4)
    submit_review(application, mark=2)
    return move(application, "close_review", bureau or make_bureau(application.collaboration.city))
