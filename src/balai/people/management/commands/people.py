"""``balai people``: what only the operator of the hub may do to cities, public bodies and seats."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from balai.core.errors import BalaiError
from balai.people.actions import INVITATION_PATH, assign_offices, host_city, invite, set_up_body
from balai.people.models import City, Organisation, Role


class Command(BaseCommand):
    help = "Host a city, set up its public bodies, assign city-wide offices, seat the first administrators."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        city = commands.add_parser("add-city", help="host a city on this hub")
        city.add_argument("code", help="its code at the statistics office, such as 31")
        city.add_argument("name")
        city.add_argument("--kind", default="city", choices=["province", "city", "regency"])
        city.add_argument("--province", default="")
        body = commands.add_parser("add-body", help="set up an agency, a ministry or an oversight body")
        body.add_argument("slug", help="as in its address: dishub")
        body.add_argument("name")
        body.add_argument("--kind", default="agency", choices=["agency", "ministry", "oversight"])
        body.add_argument("--city", help="code of its city")
        add = commands.add_parser("add-admin", help="invite the first administrator by mail")
        add.add_argument("email")
        add.add_argument("--agency", "--organisation", dest="slug", required=True)
        offices = commands.add_parser("offices", help="let an agency seat city-wide roles")
        offices.add_argument("slug")
        offices.add_argument(
            "office", nargs="*", help="bureau, tkksd, analyst, signatory; none takes them away"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        steps = {
            "add-city": self._add_city,
            "add-body": self._add_body,
            "add-admin": self._add_admin,
            "offices": self._offices,
        }
        try:
            steps[options["what"]](options)
        except BalaiError as refusal:
            raise CommandError(str(refusal.reason)) from refusal

    def _add_city(self, options: dict[str, Any]) -> None:
        city = host_city(**{name: options[name] for name in ("code", "name", "kind", "province")})
        self.stdout.write(f"{city.name} ({city.code}) runs its collaborations on this hub.")

    def _add_body(self, options: dict[str, Any]) -> None:
        code = options["city"]
        city = City.objects.filter(code=code).first()
        if code and city is None:
            raise CommandError(f"There is no city {code!r}. Add it first: balai people add-city.")
        body = set_up_body(kind=options["kind"], slug=options["slug"], name=options["name"], city=city)
        self.stdout.write(f"{body.name} is set up as {body.slug}.")

    def _add_admin(self, options: dict[str, Any]) -> None:
        organisation = self._organisation(options)
        invitation, token = invite(
            by=None, organisation=organisation, email=options["email"], role=Role.ADMIN
        )
        self.stdout.write(
            f"{invitation.email} is invited as administrator of {organisation.name}.\n"
            f"The mail carries this link, valid until {invitation.expires_at:%d %B %Y}:\n"
            f"{settings.ORIGIN}{INVITATION_PATH.format(token=token)}"
        )

    def _offices(self, options: dict[str, Any]) -> None:
        organisation = assign_offices(organisation=self._organisation(options), offices=options["office"])
        self.stdout.write(f"{organisation.name}: {', '.join(organisation.offices) or 'no offices'}")

    def _organisation(self, options: dict[str, Any]) -> Organisation:
        found = Organisation.objects.filter(slug=options["slug"], active=True).first()
        if found is None:
            raise CommandError(f"There is no active organisation {options['slug']!r}.")
        return found
