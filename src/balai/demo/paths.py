"""Takes an invented collaboration along its scheme, step by step, as far as its story goes."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO

from django.utils import timezone

from balai.applications.actions import attach, ensure_application, record_checks, save_draft, submit_review
from balai.applications.models import Application
from balai.collaborations.actions import begin_collaboration, make_move
from balai.collaborations.models import Collaboration
from balai.demo import agreeing, facts, legal_steps, negotiating
from balai.demo.facts import Row
from balai.demo.papers import paper
from balai.demo.stage import Stage, Story
from balai.people.models import User
from balai.pilots.actions import (
    add_milestone,
    add_obligation,
    add_site,
    close_incident,
    file_report,
    meet_obligation,
    months_after,
    plan_pilot,
    reach_milestone,
    record_effect,
    register_evaluation,
    report_incident,
    verify_effect,
)
from balai.pilots.models import Milestone, MonitoringForm, Obligation
from balai.pilots.monitoring import questions
from balai.programme.actions import ask_to_copy

EXITS = {
    "stopped": "exit_stop",
    "handed_over": "exit_hand_over",
    "adopted": "exit_adopt",
    "offered": "exit_offer",
}

MARKS = {"accept": (4, 5, 4, 4, 3), "reject": (3, 2, 2, 3, 1)}


def collaboration_story(stage: Stage, row: Row, number: int) -> Story:
    """From the first draft to the stage the story names."""
    return Path(stage, row, number).walk()


class Path:
    """One collaboration on its way; ``number`` tells its papers from those of the others."""

    def __init__(self, stage: Stage, row: Row, number: int) -> None:
        self.stage, self.row, self.number = stage, row, number
        self.upto: str = row["upto"]
        self.ago: int = row["ago"]
        self.applicant = stage.people[row["applicant"]]
        self.officer = stage.people[row["officer"]]
        other = row.get("city", "31") != "31"
        self.bureau = stage.people["other-bureau" if other else "bureau"]
        self.signatory = stage.people["other-bureau" if other else "signatory"]
        self.reviewers = [stage.people["reviewer2"], stage.people["reviewer"]]
        self.analyst = stage.people["analyst"]
        self.collaboration: Collaboration
        self.application: Application

    def at(self, days: int, hour: int = 10) -> dt.datetime:
        """The moment ``days`` after the draft was begun."""
        return self.stage.moment(self.ago - days, hour)

    def move(self, key: str, by: User, *, reason: str = "", record: Row | None = None) -> None:
        """Make one move of the scheme from the present stage."""
        self._refresh()
        make_move(
            collaboration=self.collaboration,
            move=key,
            by=by,
            seen=self.collaboration.stage,
            reason=reason,
            record=record,
        )

    def _refresh(self) -> None:
        """See the collaboration as it stands now."""
        self.collaboration = Collaboration.objects.select_related(
            "scheme_version", "partner", "agency", "challenge", "city"
        ).get(pk=self.collaboration.pk)
        self.application.collaboration = self.collaboration

    def walk(self) -> Story:
        yield from self._draft()
        if self.upto == "draft":
            return
        yield from self._screen()
        if self.upto in ("screening", "returned"):
            return
        yield from self._judge()
        if self.upto in ("review", "decision", "rejected"):
            return
        yield from self._agree()
        if self.upto in ("drafting", "signing", "signed"):
            return
        yield from self._prepare()
        yield from self._run()
        if self.upto in ("running", "suspended"):
            return
        yield from self._end()

    def _draft(self) -> Story:
        stage, row = self.stage, self.row
        yield self.at(0)
        city = stage.cities[row.get("city", "31")]
        agency = stage.organisations[row["agency"]]
        self.collaboration = begin_collaboration(
            by=self.applicant,
            partner=stage.organisations[row["partner"]],
            city=city,
            scheme_key=row["scheme"],
            title=row["title"],
            title_en=row["title_en"],
            challenge=stage.challenges[row["challenge"]] if "challenge" in row else None,
            agency=agency,
            dimensions=row["dimensions"],
            invented=True,
        )
        self.application = ensure_application(collaboration=self.collaboration, by=self.applicant)
        fields = {field.key for field in self.collaboration.scheme.fields}
        defaults = {} if self.upto == "draft" else facts.table("stories")["defaults"]
        answers: Row = {**defaults, "months": row["months"], **row["answers"]}
        if self.upto != "draft":
            answers["commitment"] = True
        about = {key: row[key] for key in ("title", "title_en", "summary", "summary_en", "dimensions")}
        self.application = save_draft(
            application=self.application,
            by=self.applicant,
            revision=self.application.revision,
            answers={key: value for key, value in answers.items() if key in fields},
            about=about | {"agency": agency},
        )
        self.collaboration = self.application.collaboration
        if self.upto == "draft":
            return
        yield self.at(1)
        names = {"letter": "Surat permohonan (contoh)", "proposal": "Proposal (contoh)"}
        for kind, name in names.items():
            data = paper(name, [row["title"], row["summary"][:90], "Dokumen rekaan untuk peragaan."])
            attach(
                application=self.application,
                by=self.applicant,
                kind=kind,
                file=BytesIO(data),
                name=f"{kind}-{row['key']}.pdf",
            )
        yield self.at(2)
        self.move("submit", self.applicant)

    def _screen(self) -> Story:
        if self.upto == "screening":
            return
        yield self.at(4)
        checklist = self.collaboration.scheme.checklist
        if self.upto == "returned":
            reason = self.row["return_reason"]
            record_checks(
                application=self.application,
                by=self.bureau,
                findings={c.key: (c.key != "safety", "" if c.key != "safety" else reason) for c in checklist},
            )
            self.move("return", self.bureau, reason=reason)
            return
        record_checks(
            application=self.application, by=self.bureau, findings={c.key: (True, "") for c in checklist}
        )
        self.move("pass_screening", self.bureau)

    def _judge(self) -> Story:
        refused = self.upto == "rejected"
        recommendation = "reject" if refused else "accept"
        criteria = self.collaboration.scheme.criteria
        for number, reviewer in enumerate(self.reviewers[: self.row.get("reviews", 2)]):
            yield self.at(6 + number)
            submit_review(
                application=self.application,
                by=reviewer,
                scores={c.key: MARKS[recommendation][i] for i, c in enumerate(criteria)},
                recommendation=recommendation,
                comment=self.row.get(
                    "grounds", "Rencana jelas, manfaat bagi warga masuk akal, dan risikonya terbatas."
                ),
            )
        if self.upto == "review":
            return
        yield self.at(9)
        self.move("close_review", self.reviewers[1])
        if self.upto == "decision":
            return
        yield self.at(12)
        if refused:
            self.move("reject", self.bureau, record={"grounds": self.row["grounds"]})
        else:
            grounds = "Menjawab kebutuhan yang terukur; tim dan rencananya meyakinkan kedua penilai."
            self.move("accept", self.bureau, record={"grounds": grounds})

    def _agree(self) -> Story:
        yield self.at(13)
        self._refresh()
        legal_steps.begin(self)
        yield self.at(14)
        agreement = agreeing.draft(self)
        if self.upto == "drafting":
            yield self.at(16)
            negotiating.negotiate(self, agreement)
            yield self.at(17)
            legal_steps.ask(self)
            return
        yield self.at(16)
        legal_steps.agree(self)
        yield self.at(17)
        agreeing.approve(agreement, self.applicant)
        yield self.at(18)
        agreeing.approve(agreement, self.bureau)
        yield self.at(19)
        legal_steps.answer(self)
        agreeing.open_for_signing(self, agreement)
        self._refresh()
        if self.upto == "signing":
            return
        yield self.at(21)
        agreeing.put_signature(agreement, self.applicant)
        yield self.at(22)
        agreeing.put_signature(agreement, self.signatory)
        agreeing.close(self, agreement)
        yield self.at(23)
        self.move("confirm_sealed", self.bureau)
        if self.upto != "signed":
            yield self.at(24)
            legal_steps.check(self)

    def _prepare(self) -> Story:
        row, collaboration = self.row, self.collaboration
        yield self.at(25)
        start = timezone.localdate() + dt.timedelta(days=7)
        plan_pilot(
            collaboration=collaboration,
            by=self.applicant,
            starts_on=start,
            ends_on=months_after(start, row["months"]),
            insurance=facts.table("stories")["defaults"]["insurance"],
            **{
                key: row.get(key, "") for key in ("asset", "safety_plan", "stop_criteria", "restart_criteria")
            },
        )
        for site in row.get("site", []):
            add_site(collaboration=collaboration, by=self.applicant, **site)
        step = max(20, row["months"] * 30 // (len(row["milestones"]) + 1))
        for number, title in enumerate(row["milestones"], 1):
            due = start + dt.timedelta(days=step * number)
            add_milestone(collaboration=collaboration, by=self.applicant, title=title, due_on=due)
        for side, text in row["obligations"]:
            add_obligation(
                collaboration=collaboration,
                by=self.officer,
                side=side,
                text=text,
                due_on=start + dt.timedelta(days=step),
            )
        register_evaluation(
            collaboration=collaboration,
            by=self.analyst,
            indicator=self.stage.indicators[row["indicator"]],
            baseline=Decimal(row["baseline"]),
            baseline_period=row["baseline_period"],
            target=Decimal(row["target"]),
            method=row["method"],
        )

    def _run(self) -> Story:
        row = self.row
        yield self.at(32)
        self.move("start", self.officer)
        yield self.at(60)
        for obligation in Obligation.objects.filter(pilot__collaboration=self.collaboration):
            meet_obligation(obligation=obligation, by=self.officer)
        ended = self.upto in ("evaluation", *EXITS)
        milestones = list(Milestone.objects.filter(pilot__collaboration=self.collaboration))
        reached = len(milestones) if self.upto in EXITS else row.get("reached", 1)
        for number, milestone in enumerate(milestones[:reached]):
            yield self.at(70 + 20 * number)
            reach_milestone(milestone=milestone, by=self.applicant)
        if "incident" in row:
            yield from self._incident()
        if self.upto == "suspended":
            yield self.stage.moment(11)
            self.move("suspend", self.officer, record=row["suspension"])
        elif ended:
            yield self.at(32 + row["months"] * 30 - 5)
            self.move("evaluate", self.officer, reason="Masa pelaksanaan berakhir.")

    def _incident(self) -> Story:
        row = self.row["incident"]
        yield self.stage.moment(12, 6)
        incident = report_incident(
            collaboration=self.collaboration,
            by=self.applicant,
            severity=row["severity"],
            happened_at=timezone.now() - dt.timedelta(hours=4),
            text=row["text"],
            people_hurt=row.get("hurt", 0),
        )
        if "measures" in row:
            yield self.stage.moment(9)
            close_incident(incident=incident, by=self.officer, measures=row["measures"])

    def _end(self) -> Story:
        row = self.row
        over = self.ago - 32 - row["months"] * 30 + 5
        writers = {"partner": self.applicant, "agency": self.officer, "bureau": self.bureau}
        if self.upto == "evaluation":
            writers = {"partner": self.applicant}
        yield self.stage.moment(max(over - 2, 0.2))
        for form, writer in writers.items():
            self._report(MonitoringForm(form), writer)
        yield self.stage.moment(max(over - 3, 0.15))
        effect = record_effect(
            collaboration=self.collaboration,
            by=self.officer,
            observed=Decimal(row["observed"]),
            period=row["observed_period"],
            sample=row["sample"],
            confidence=row["confidence"],
        )
        if self.upto == "evaluation":
            return
        yield self.stage.moment(max(over - 5, 0.1))
        verify_effect(effect=effect, by=self.analyst, seen=effect.observed)
        yield self.stage.moment(max(over - 7, 0.05))
        record = {"reason": row["exit_reason"], "data_disposal": row["data_disposal"]}
        if self.upto == "adopted":
            record["procurement_reference"] = row["procurement_reference"]
        if self.upto == "offered":
            record |= {"what": row["offer_what"], "conditions": row["offer_conditions"]}
        self.move(EXITS[self.upto], self.bureau, record=record)
        if "interest" in row:
            yield self.stage.moment(max(over - 20, 0.02))
            ask_to_copy(
                offer=self.collaboration.offer,
                by=self.stage.people["other-officer"],
                organisation=self.stage.organisations["dinas-perhubungan-contoh"],
                message=row["interest"],
            )

    def _report(self, form: MonitoringForm, writer: User) -> None:
        outcome = self.row["summary"]
        year = timezone.localdate().year
        half = 1 if timezone.localdate().month <= 6 else 2
        file_report(
            collaboration=self.collaboration,
            by=writer,
            form=form,
            period=f"{year}-S{half}",
            answers={question.key: f"Contoh isian. {outcome}" for question in questions(form)},
            rating=2 if self.upto == "stopped" else 4,
            advice="stop" if self.upto == "stopped" else "continue",
        )


def stories(stage: Stage) -> Iterator[Story]:
    """Every invented collaboration."""
    for number, row in enumerate(facts.table("stories")["story"], 1):
        yield collaboration_story(stage, row, number)
