"""``balai people``: what only the operator of the hub may do to seats."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from balai.core.errors import BalaiError
from balai.people.actions import INVITATION_PATH, assign_offices, invite
from balai.people.models import Organisation, Role


class Command(BaseCommand):
    help = "Seat the first administrator of an organisation; assign city-wide offices to an agency."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        add = commands.add_parser("add-admin", help="invite the first administrator by mail")
        add.add_argument("email")
        add.add_argument("--agency", "--organisation", dest="slug", required=True)
        offices = commands.add_parser("offices", help="let an agency seat city-wide roles")
        offices.add_argument("slug")
        offices.add_argument(
            "office", nargs="*", help="bureau, tkksd, analyst, signatory; none takes them away"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        organisation = Organisation.objects.filter(slug=options["slug"], active=True).first()
        if organisation is None:
            raise CommandError(f"There is no active organisation {options['slug']!r}.")
        try:
            if options["what"] == "offices":
                assign_offices(organisation=organisation, offices=options["office"])
                self.stdout.write(f"{organisation.name}: {', '.join(organisation.offices) or 'no offices'}")
                return
            invitation, token = invite(
                by=None, organisation=organisation, email=options["email"], role=Role.ADMIN
            )
        except BalaiError as refusal:
            raise CommandError(str(refusal.reason)) from refusal
        self.stdout.write(
            f"{invitation.email} is invited as administrator of {organisation.name}.\n"
            f"The mail carries this link, valid until {invitation.expires_at:%d %B %Y}:\n"
            f"{settings.ORIGIN}{INVITATION_PATH.format(token=token)}"
        )
