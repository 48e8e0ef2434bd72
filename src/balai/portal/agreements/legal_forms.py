"""The forms of the legal path: settle a step, leave it out, file evidence, answer, discuss."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from balai.agreements.discussion import candidates
from balai.agreements.legal_path import LegalPath, Step
from balai.agreements.legal_standing import NOT_APPLICABLE, WAIVED
from balai.agreements.models import Aspect, OpinionVerdict
from balai.agreements.models.legal import LONGEST_REASON
from balai.agreements.stops import Subject
from balai.people.models import User

PUBLIC = _("Anybody can read this. Write no names of persons.")
YES_NO = [("yes", _("Yes")), ("no", _("No"))]


def _words(
    label: Any, help_text: Any = "", *, required: bool = True, most: int = LONGEST_REASON
) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        max_length=most,
        widget=forms.Textarea({"rows": 3}),
    )


def _day(label: Any, *, required: bool) -> forms.DateField:
    return forms.DateField(label=label, required=required, widget=forms.DateInput({"type": "date"}))


def _pdf(*, required: bool) -> forms.FileField:
    return forms.FileField(
        label=_("File (PDF)"), required=required, widget=forms.FileInput({"accept": ".pdf,application/pdf"})
    )


def _choice(label: Any, choices: Any, widget: Any = forms.RadioSelect, **more: Any) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=choices, widget=widget, **more)


class DoneForm(forms.Form):
    """A step is done: every check ticked, perhaps a remark."""

    def __init__(self, step: Step, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if step.checks:
            self.fields["checks"] = forms.MultipleChoiceField(
                label=_("Checked"),
                required=False,
                choices=[(check.key, str(check.label)) for check in step.checks],
                widget=forms.CheckboxSelectMultiple,
            )
        self.fields["reason"] = _words(_("Remark"), PUBLIC, required=False)


class LeaveOutForm(forms.Form):
    """A step is left out: how, under which rule, why."""

    def __init__(self, path: LegalPath, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        states = [
            (WAIVED, _("waived: it applies but is left out")),
            (NOT_APPLICABLE, _("it does not apply")),
        ]
        rules = [(s.key, f"{s.name} ({s.certainty_label})") for s in path.sources]
        self.fields["state"] = _choice(_("How"), states)
        self.fields["rule"] = _choice(_("Under which rule"), [("", _("choose")), *rules], forms.Select)
        self.fields["reason"] = _words(_("Why"), PUBLIC)


class PaperForm(forms.Form):
    """Evidence of a step."""

    def __init__(self, step: Step, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [(paper.key, str(paper.label)) for paper in step.papers]
        self.fields["kind"] = _choice(_("Document"), kinds, forms.Select)
        self.fields["number"] = forms.CharField(label=_("Number"), required=False, max_length=120)
        self.fields["dated_on"] = _day(_("Dated"), required=False)
        self.fields["file"] = _pdf(required=True)


class ReasonForm(forms.Form):
    reason = _words(_("Why"), PUBLIC)


class CouncilForm(forms.Form):
    """The two questions, each with its reason."""

    burdens = _choice(_("Does the plan burden society and the region?"), YES_NO)
    burdens_reason = _words(_("Why"), PUBLIC)
    unbudgeted = _choice(_("Is its funding not yet in the current year's regional budget (APBD)?"), YES_NO)
    unbudgeted_reason = _words(_("Why"), PUBLIC)
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**62)


class ApprovalForm(forms.Form):
    number = forms.CharField(label=_("Number of the council's approval"), max_length=120)
    dated_on = _day(_("Dated"), required=True)
    file = _pdf(required=True)


def _called(person: User) -> str:
    return person.get_full_name()


class RequestForm(forms.Form):
    """Who discusses it, and who takes the chair."""

    def __init__(self, subject: Subject, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = {str(person.pk): person for person in candidates(subject)}
        choices = [(key, _called(person)) for key, person in self.people.items()]
        self.fields["chair"] = _choice(_("Chair"), [("", _("choose")), *choices], forms.Select)
        self.fields["members"] = forms.MultipleChoiceField(
            label=_("Members"), choices=choices, required=False, widget=forms.CheckboxSelectMultiple
        )


class OpinionForm(forms.Form):
    aspect = _choice(_("Which side"), Aspect.choices)
    verdict = _choice(_("Opinion"), OpinionVerdict.choices)
    text = _words(_("Notes"), _("Read by bureau, TKKSD and auditors only."), required=False, most=4000)


class AskForm(forms.Form):
    asked = _words(_("What is missing"), _("The applicant and the city's staff read this. The clock rests."))


class SupplyForm(forms.Form):
    supplied = _words(_("Answer"), _("The city's staff reads this. The clock runs on."))
    file = _pdf(required=False)


class CloseForm(forms.Form):
    agreed = _choice(_("Outcome"), [("yes", _("agreed")), ("no", _("not agreed"))])
    grounds = _words(_("Grounds"), _("The applicant and the city's staff read this."), required=False)
