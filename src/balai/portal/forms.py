"""What the forms of all rooms share."""

from django import forms
from django.utils.translation import gettext_noop

from balai.core.errors import Invalid

# Django's own words on an empty choice, which it does not yet say in Bahasa Indonesia.
gettext_noop("- Select an option -")


def refuse(form: forms.BaseForm, fault: Invalid) -> None:
    """Show an action's `Invalid` on the form: at its fields where they exist, else at the top."""
    placed = False
    for name, messages in fault.fields.items():
        for message in messages:
            form.add_error(name if name in form.fields else None, str(message))
            placed = True
    if not placed:
        form.add_error(None, str(fault.reason))
