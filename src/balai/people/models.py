"""Users, organisations, memberships, cities, areas, keys."""

import uuid
from functools import cached_property
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


class City(models.Model):
    """A city, regency or province that runs on the hub."""

    code = models.CharField(max_length=20, primary_key=True, help_text="BPS code, e.g. 31")
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    province = models.CharField(max_length=120, blank=True)
    kind = models.CharField(
        max_length=10,
        choices=[("province", _("province")), ("city", _("city")), ("regency", _("regency"))],
    )
    hosted = models.BooleanField(default=False, help_text="runs its collaborations on this hub")
    invented = models.BooleanField(default=False, help_text="demonstration data, no real place")
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "cities"

    def __str__(self) -> str:
        return self.name


class Area(models.Model):
    """A district inside a city; its point serves distance, its outline the map where there is one."""

    city = models.ForeignKey(City, models.CASCADE, related_name="areas")
    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=30)
    latitude = models.FloatField()
    longitude = models.FloatField()
    outline = models.JSONField(null=True, help_text="GeoJSON geometry")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Everything that names them lives in this row and goes when they are erased."""

    pseudonym = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email = models.EmailField(unique=True, null=True)  # noqa: DJ001 (an erased person has none)
    name = models.CharField(max_length=150, blank=True)
    language = models.CharField(
        max_length=5, choices=[("id", "Bahasa Indonesia"), ("en", "English")], default="id"
    )
    city = models.ForeignKey(City, models.SET_NULL, null=True, blank=True, related_name="residents")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    is_demo = models.BooleanField(default=False, help_text="may be signed in by one click in demo mode")
    joined_at = models.DateTimeField(auto_now_add=True)
    erased_at = models.DateTimeField(null=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.get_short_name()

    def get_full_name(self) -> str:
        if self.name:
            return self.name
        return str(
            _("a person whose identity was erased") if self.erased_at else _("a person without a name")
        )

    def get_short_name(self) -> str:
        return self.get_full_name()

    @cached_property
    def hats(self) -> "list[Membership]":
        """Active memberships with their organisation, read once per request."""
        return list(
            self.memberships.filter(ended_at=None, organisation__active=True).select_related("organisation")
        )


class OrganisationKind(models.TextChoices):
    COMPANY = "company", _("company")
    AGENCY = "agency", _("city agency")
    MINISTRY = "ministry", _("ministry")
    OVERSIGHT = "oversight", _("oversight body")
    COMMUNITY = "community", _("community")


class Organisation(models.Model):
    """A firm, an agency (OPD), a ministry. The party to everything; people act for it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=OrganisationKind)
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    short_name = models.CharField(max_length=60, blank=True)
    city = models.ForeignKey(City, models.PROTECT, null=True, blank=True, related_name="organisations")
    about = models.TextField(blank=True)
    about_en = models.TextField(blank=True)
    website = models.URLField(blank=True)
    source = models.CharField(max_length=300, blank=True, help_text="where what is said here comes from")
    source_url = models.URLField(max_length=400, blank=True)
    source_date = models.DateField(null=True, blank=True)
    listed = models.BooleanField(default=False, help_text="has a public page")
    offices = models.JSONField(
        default=list,
        blank=True,
        help_text="city-wide roles this agency may seat: bureau, tkksd, analyst, signatory",
    )
    active = models.BooleanField(default=True)
    invented = models.BooleanField(default=False, help_text="demonstration data, no real body")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                condition=Q(kind__in=["company", "community"], active=True),
                name="one_active_organisation_of_a_name",
            )
        ]

    def __str__(self) -> str:
        return self.short_name or self.name

    def text(self) -> str:
        """What the organisation does, in the reader's language."""
        return self.about_en if get_language() == "en" and self.about_en else self.about


class Role(models.TextChoices):
    """What a membership lets a person do, inside the organisation or for the city."""

    ADMIN = "admin", _("administrator of the organisation")
    FOUNDER = "founder", _("founder")
    STAFF = "staff", _("staff")
    OFFICER = "officer", _("agency officer")
    BUREAU = "bureau", _("cooperation bureau")
    TKKSD = "tkksd", _("TKKSD reviewer")
    ANALYST = "analyst", _("smart-city analyst")
    SIGNATORY = "signatory", _("legal signatory")
    MINISTRY = "ministry", _("ministry")
    AUDITOR = "auditor", _("auditor")


ROLES_OF_KIND: dict[str, frozenset[str]] = {
    OrganisationKind.COMPANY: frozenset({Role.ADMIN, Role.FOUNDER, Role.STAFF, Role.SIGNATORY}),
    OrganisationKind.AGENCY: frozenset(
        {Role.ADMIN, Role.OFFICER, Role.BUREAU, Role.TKKSD, Role.ANALYST, Role.SIGNATORY}
    ),
    OrganisationKind.MINISTRY: frozenset({Role.ADMIN, Role.MINISTRY}),
    OrganisationKind.OVERSIGHT: frozenset({Role.ADMIN, Role.AUDITOR}),
    OrganisationKind.COMMUNITY: frozenset({Role.ADMIN, Role.FOUNDER, Role.STAFF}),
}


class Membership(models.Model):
    """One person, one organisation, one role, from and until."""

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)
    since = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organisation", "role"],
                condition=models.Q(ended_at=None),
                name="membership_once",
            )
        ]


class Invitation(models.Model):
    """A seat offered by mail. The token is stored hashed and works once, until it expires."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=20, choices=Role)
    token_sha256 = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="invitations_sent")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)


class ApiKey(models.Model):
    """A machine's way in, for one person's rights narrowed by scopes. Only a hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, unique=True)
    secret_sha256 = models.CharField(max_length=64)
    scopes = models.JSONField(default=list, help_text="'read' or 'write' per room, e.g. 'needs:write'")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
