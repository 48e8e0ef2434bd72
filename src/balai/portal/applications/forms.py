"""Forms of this room. A draft is never refused for being incomplete, only for what cannot be stored."""

from typing import Any, cast

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from balai.applications import answers as typed
from balai.applications.models import Application, Recommendation, Review
from balai.applications.queries import Filter, Line
from balai.applications.scoring import LEVELS
from balai.applications.selfcheck import QUESTIONS
from balai.challenges.models import Challenge, ChallengeState
from balai.collaborations.registry import ROLES
from balai.collaborations.schemes import Field, Scheme
from balai.indicators.models import Dimension
from balai.people.models import City, Organisation

YES_NO = [("yes", _("Yes")), ("no", _("No"))]
NOT_APPLICABLE = "na"


class AnswerField(forms.Field):
    """One question of the scheme. ``required`` only marks it: a draft may leave it open."""

    def __init__(self, spec: Field, **kwargs: Any) -> None:
        self.spec = spec
        super().__init__(
            label=str(spec.label),
            help_text=_help_of(spec),
            required=spec.required,
            widget=_widget_of(spec),
            **kwargs,
        )

    def clean(self, value: Any) -> Any:
        try:
            return typed.clean(self.spec, value)
        except typed.AnswerError as fault:
            raise forms.ValidationError(str(fault)) from fault


def _help_of(spec: Field) -> str:
    words = [str(spec.help)] if spec.help else []
    if spec.type in ("line", "text"):
        words.append(
            gettext("At most %(limit)s characters.") % {"limit": f"{spec.limit:,}".replace(",", ".")}
        )
    return " ".join(words)


def _widget_of(spec: Field) -> forms.Widget:
    match spec.type:
        case "text":
            return forms.Textarea({"rows": 6})
        case "choice":
            return forms.RadioSelect(choices=[(key, str(label)) for key, label in spec.choices])
        case "choices":
            return forms.CheckboxSelectMultiple(choices=[(key, str(label)) for key, label in spec.choices])
        case "flag":
            return forms.CheckboxInput()
        case "date":
            return forms.DateInput({"type": "date"}, format="%Y-%m-%d")
        case "number" | "money":
            return forms.TextInput({"inputmode": "numeric"})
    return forms.TextInput()


class SectionForm(forms.Form):
    """The questions of one section of a scheme's form."""

    use_required_attribute = False

    def __init__(self, data: Any = None, *, scheme: Scheme, section: str, values: dict[str, Any]) -> None:
        super().__init__(data, initial=values, prefix="a")
        for spec in scheme.fields:
            if spec.section == section:
                self.fields[spec.key] = AnswerField(spec)


class _Loose:
    """A field whose emptiness is for the completeness check to tell, not for the draft."""

    required: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget = cast(Any, self).widget
        widget.attrs.pop("maxlength", None)

    def validate(self, value: Any) -> None:
        if value:
            super().validate(value)  # type: ignore[misc]


class LooseText(_Loose, forms.CharField):
    pass


class LooseChoice(_Loose, forms.ChoiceField):
    pass


class LooseChoices(_Loose, forms.MultipleChoiceField):
    pass


class LooseModel(_Loose, forms.ModelChoiceField[Any]):
    pass


class AboutForm(forms.Form):
    """What the collaboration is called, is about, and which agency it is meant for."""

    use_required_attribute = False

    title = forms.CharField(
        label=_("Title"), max_length=160, help_text=_("A few words that name what you propose.")
    )
    summary = LooseText(
        label=_("Summary"),
        max_length=1000,
        widget=forms.Textarea({"rows": 5}),
        help_text=_("Three or four sentences. They become public once an agreement is being negotiated."),
    )
    dimensions = LooseChoices(
        label=_("Dimensions"),
        choices=Dimension.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What it should make better; at least one."),
    )
    agency = LooseModel(
        label=_("The agency (OPD) that owns the problem"),
        queryset=Organisation.objects.none(),
        empty_label=_("not chosen yet"),
    )
    title_en = forms.CharField(label=_("Title in English"), max_length=160, required=False)
    summary_en = LooseText(
        label=_("Summary in English"), max_length=1000, required=False, widget=forms.Textarea({"rows": 5})
    )

    def __init__(self, data: Any = None, *, application: Application) -> None:
        collaboration = application.collaboration
        super().__init__(
            data,
            prefix="b",
            initial={
                "title": collaboration.title,
                "title_en": collaboration.title_en,
                "summary": collaboration.summary,
                "summary_en": collaboration.summary_en,
                "dimensions": collaboration.dimensions,
                "agency": collaboration.agency_id,
            },
        )
        for name in ("title", "title_en"):
            self.fields[name].widget.attrs.pop("maxlength", None)
        agency = cast(Any, self.fields["agency"])
        agency.queryset = Organisation.objects.filter(
            kind="agency", city=collaboration.city_id, active=True
        ).order_by("name")
        agency.label_from_instance = lambda organisation: organisation.name
        if collaboration.challenge_id:
            agency.disabled = True
            agency.help_text = gettext("The agency that opened the challenge.")


class StartForm(forms.Form):
    """Who applies, under which scheme, to which challenge."""

    use_required_attribute = False

    partner = forms.ModelChoiceField(
        label=_("For which organisation"), queryset=Organisation.objects.none(), empty_label=None
    )
    scheme = forms.ChoiceField(label=_("Scheme"), widget=forms.RadioSelect)
    challenge = forms.ModelChoiceField(
        label=_("The challenge you answer"),
        queryset=Challenge.objects.none(),
        required=False,
        empty_label=_("none"),
        help_text=_("Co-Develop needs one. Only challenges that are open now are listed."),
    )
    city = forms.ModelChoiceField(label=_("City"), queryset=City.objects.none(), empty_label=None)
    title = forms.CharField(
        label=_("Title"), max_length=160, help_text=_("A few words that name what you propose.")
    )

    def __init__(
        self,
        data: Any = None,
        *,
        organisations: list[Organisation],
        schemes: list[Scheme],
        cities: list[City],
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=initial)
        partner = cast(Any, self.fields["partner"])
        partner.queryset = Organisation.objects.filter(pk__in=[o.pk for o in organisations])
        partner.label_from_instance = lambda organisation: organisation.name
        cast(Any, self.fields["scheme"]).choices = [
            (scheme.key, f"{scheme.name}: {scheme.promise}") for scheme in schemes
        ]
        challenge = cast(Any, self.fields["challenge"])
        challenge.queryset = Challenge.objects.filter(
            state=ChallengeState.OPEN, city__in=cities
        ).select_related("agency")
        challenge.label_from_instance = lambda one: f"{one} ({one.agency})"
        self.fields["title"].widget.attrs.pop("maxlength", None)
        if len(cities) == 1:
            del self.fields["city"]
            self.only_city: City | None = cities[0]
        else:
            cast(Any, self.fields["city"]).queryset = City.objects.filter(pk__in=[c.pk for c in cities])
            self.only_city = None

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or {})
        challenge = cleaned.get("challenge")
        if cleaned.get("scheme") == "co-develop" and challenge is None and "challenge" not in self.errors:
            self.add_error("challenge", gettext("Co-Develop answers a challenge of the city. Choose one."))
        cleaned["city"] = challenge.city if challenge else cleaned.get("city") or self.only_city
        return cleaned


class SelfCheckForm(forms.Form):
    """Yes/no questions; sent by GET, so that the answer can be shared as an address."""

    use_required_attribute = False

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        for question in QUESTIONS:
            self.fields[question.key] = forms.ChoiceField(
                label=str(question.text),
                help_text=str(question.help),
                choices=YES_NO,
                widget=forms.RadioSelect,
            )

    @property
    def answers(self) -> dict[str, bool]:
        return {key: value == "yes" for key, value in self.cleaned_data.items()}


class ListFilter(forms.Form):
    """What a list of applications is narrowed to."""

    q = forms.CharField(label=_("Words"), required=False, max_length=100)
    scheme = forms.ChoiceField(label=_("Scheme"), required=False)
    stage = forms.ChoiceField(label=_("Stage"), required=False)
    turn = forms.ChoiceField(label=_("Whose turn"), required=False)
    late = forms.BooleanField(label=_("Only overdue"), required=False)

    def __init__(self, data: Any, *, schemes: list[Scheme]) -> None:
        super().__init__(data)
        everything = ("", _("all"))
        cast(Any, self.fields["scheme"]).choices = [everything] + [(s.key, str(s.name)) for s in schemes]
        stages = {
            stage.key: str(stage.name)
            for scheme in schemes
            for stage in scheme.stages
            if (stage.phase in ("application", "decision") and stage.key != scheme.start.key)
            or stage.outcome in ("rejected", "withdrawn")
        }
        cast(Any, self.fields["stage"]).choices = [everything, *stages.items()]
        cast(Any, self.fields["turn"]).choices = [everything, *ROLES.items()]

    def wanted(self) -> Filter:
        """The filter; a value that is not offered narrows nothing."""
        self.full_clean()
        values = self.cleaned_data
        return Filter(
            scheme=values.get("scheme", ""),
            stage=values.get("stage", ""),
            turn=values.get("turn", ""),
            words=values.get("q", "").replace("\x00", ""),
            late=bool(values.get("late")),
        )


class PaperForm(forms.Form):
    """One file for one kind of paper."""

    use_required_attribute = False

    file = forms.FileField(
        label=_("File"),
        help_text=_("PDF, DOCX or a picture."),
        error_messages={"required": _("Choose a file first."), "empty": _("The file is empty.")},
    )


class ScreeningForm(forms.Form):
    """The checklist: each line passed or not, with a note where it is not."""

    use_required_attribute = False

    def __init__(self, data: Any = None, *, lines: list[Line]) -> None:
        super().__init__(data)
        self.lines = lines
        for line in lines:
            check = line.check
            self.fields[line.item.key] = LooseChoice(
                label=str(line.item.label),
                choices=[("yes", _("in order")), ("no", _("to be put right"))],
                widget=forms.RadioSelect,
                initial=("yes" if check.passed else "no") if check else None,
            )
            self.fields[f"note_{line.item.key}"] = forms.CharField(
                label=_("Note"),
                required=False,
                max_length=500,
                initial=check.note if check else "",
            )
            self.fields[f"note_{line.item.key}"].widget.attrs.pop("maxlength", None)

    @property
    def rows(self) -> list[tuple[Line, forms.BoundField, forms.BoundField]]:
        return [(line, self[line.item.key], self[f"note_{line.item.key}"]) for line in self.lines]

    @property
    def findings(self) -> dict[str, tuple[bool, str]]:
        """What was answered; lines left open are not among it."""
        values = self.cleaned_data
        return {
            line.item.key: (values[line.item.key] == "yes", values.get(f"note_{line.item.key}", ""))
            for line in self.lines
            if values.get(line.item.key)
        }


class ReviewForm(forms.Form):
    """A judgement by the scheme's criteria, with anchored levels and "not applicable"."""

    use_required_attribute = False

    def __init__(self, data: Any = None, *, scheme: Scheme, review: Review | None) -> None:
        super().__init__(data)
        self.scheme = scheme
        given = review.scores if review else {}
        for criterion in scheme.criteria:
            words = {1: str(criterion.low), 5: str(criterion.high)}
            choices = [(str(level), f"{level}  {words.get(level, '')}".strip()) for level in LEVELS]
            mark = given.get(criterion.key)
            self.fields[f"score_{criterion.key}"] = LooseChoice(
                label=str(criterion.label),
                help_text=gettext("Weight %(weight)s of 100.") % {"weight": criterion.weight},
                choices=[*choices, (NOT_APPLICABLE, gettext("not applicable"))],
                widget=forms.RadioSelect,
                initial=(NOT_APPLICABLE if mark is None else str(mark)) if criterion.key in given else None,
            )
        self.fields["recommendation"] = LooseChoice(
            label=_("What you recommend"),
            choices=Recommendation.choices,
            widget=forms.RadioSelect,
            initial=review.recommendation if review else "",
        )
        self.fields["comment"] = LooseText(
            label=_("Why"),
            help_text=_("Read by the panel, never by the applicant. At most 4.000 characters."),
            widget=forms.Textarea({"rows": 6}),
            initial=review.comment if review else "",
        )

    @property
    def scores(self) -> dict[str, int | None]:
        """Marks that were given; open criteria are not among them."""
        found: dict[str, int | None] = {}
        for criterion in self.scheme.criteria:
            value = self.cleaned_data.get(f"score_{criterion.key}")
            if value:
                found[criterion.key] = None if value == NOT_APPLICABLE else int(value)
        return found


class ConflictForm(forms.Form):
    reason = forms.CharField(
        label=_("What connects you"),
        help_text=_("One sentence; the cooperation bureau and auditors can read it."),
        max_length=300,
    )
