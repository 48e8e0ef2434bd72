"""Django settings. Every choice an operator has is a variable in `balai.core.env.TABLE`."""

import contextlib
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from balai.core.env import Environment
from balai.core.sqlite import use_sound_library

SQLITE_IN_USE = use_sound_library()

from django.utils.csp import CSP  # noqa: E402

env = Environment()

PACKAGE = Path(__file__).resolve().parent
HOME: Path = env["BALAI_HOME"].expanduser().resolve()
DEMO: bool = env["BALAI_DEMO"]
DEBUG: bool = env["BALAI_DEBUG"]
ORIGIN: str = env["BALAI_ORIGIN"].rstrip("/")
SECURE: bool = env["BALAI_SECURE"]
DEFAULT_CITY: str = env["BALAI_CITY"]
PROXIES: int = env["BALAI_PROXIES"]


def _secret_key() -> str:
    if given := env["BALAI_SECRET_KEY"]:
        return str(given)
    path = HOME / "secret-key"
    if not path.exists():
        HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written aside and linked into place: of two processes that start at once both read one whole key.
        aside = HOME / f".secret-key.{os.getpid()}"
        with open(aside, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(secrets.token_urlsafe(50))
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
        aside.unlink()
    return path.read_text(encoding="utf-8")


SECRET_KEY = _secret_key()
ALLOWED_HOSTS = env["BALAI_HOSTS"]
CSRF_TRUSTED_ORIGINS = [ORIGIN]

INSTALLED_APPS = [
    "balai.core",
    "balai.people",
    "balai.observations",
    "balai.indicators",
    "balai.needs",
    "balai.challenges",
    "balai.collaborations",
    "balai.applications",
    "balai.agreements",
    "balai.pilots",
    "balai.programme",
    "balai.portal",
    "balai.demo",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "allauth.usersessions",
    "django_htmx",
    "django_tasks_db",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "balai.portal.middleware.RefusalMiddleware",
]

ROOT_URLCONF = "balai.urls"
WSGI_APPLICATION = "balai.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "portal" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "balai.portal.context.hub",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "balai.portal.templatetags.balai",
                "balai.portal.templatetags.collaborations",
            ],
        },
    }
]


def _database() -> dict[str, Any]:
    url = env["BALAI_DATABASE_URL"]
    if not url:
        HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {
            "ENGINE": "balai.core.sqlite_backend",
            "NAME": HOME / "balai.sqlite3",
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=134217728;"
                ),
            },
            "TEST": {"NAME": None},
        }
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "portal:inbox"

ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_PREVENT_ENUMERATION = True
ALLAUTH_TRUSTED_PROXY_COUNT = PROXIES
ACCOUNT_USER_DISPLAY = "balai.portal.accounts.adapter.display_name"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Balai] "
ACCOUNT_ADAPTER = "balai.portal.accounts.adapter.AccountAdapter"
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_ADAPTER = "balai.portal.accounts.social.SocialAccountAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Balai"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG or DEMO
USERSESSIONS_TRACK_ACTIVITY = False


def oidc_providers(issuer: str, client: str, secret: str, name: str) -> dict[str, Any]:
    """Single sign-on with one OpenID Connect issuer: code flow with PKCE."""
    app = {
        "provider_id": "city",
        "name": name,
        "client_id": client,
        "secret": secret,
        "settings": {"server_url": issuer, "oauth_pkce_enabled": True},
    }
    return {"openid_connect": {"APPS": [app]}}


if env["BALAI_OIDC_ISSUER"]:
    SOCIALACCOUNT_PROVIDERS = oidc_providers(
        env["BALAI_OIDC_ISSUER"], env["BALAI_OIDC_CLIENT"], env["BALAI_OIDC_SECRET"], env["BALAI_OIDC_NAME"]
    )

LANGUAGE_CODE = "id"
LANGUAGES = [("id", "Bahasa Indonesia"), ("en", "English")]
LOCALE_PATHS = sorted(PACKAGE.rglob("locale"))
TIME_ZONE = "Asia/Jakarta"
USE_TZ = True
USE_THOUSAND_SEPARATOR = True

STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
STATICFILES_DIRS: list[Path] = []
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": HOME / "files", "base_url": None},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_MAX_AGE = 3600
FILE_UPLOAD_PERMISSIONS = 0o600
UPLOAD_LIMIT_BYTES = env["BALAI_UPLOAD_MB"] * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}}
STALE_TASK_MINUTES = env["BALAI_STALE_TASK_MINUTES"]


def _mailer(url: str) -> dict[str, Any]:
    if not url:
        backend = "django.core.mail.backends.filebased.EmailBackend"
        return {"BACKEND": backend, "OPTIONS": {"file_path": HOME / "mail"}}
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtp+tls", "smtps"} or not parts.hostname:
        raise SystemExit("BALAI_MAIL_URL: expected smtp://, smtp+tls:// or smtps:// with a host")
    options = {
        "host": parts.hostname,
        "port": parts.port or {"smtp": 25, "smtp+tls": 587, "smtps": 465}[parts.scheme],
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "use_tls": parts.scheme == "smtp+tls",
        "use_ssl": parts.scheme == "smtps",
        "timeout": 20,
    }
    return {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}


MAILERS = {"default": _mailer(env["BALAI_MAIL_URL"])}
DEFAULT_FROM_EMAIL = env["BALAI_MAIL_FROM"]
SERVER_EMAIL = DEFAULT_FROM_EMAIL

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

SECURE_CSP = {
    "default-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
    "form-action": [CSP.SELF],
}
if env["BALAI_OIDC_ISSUER"]:
    # Browsers hold the redirect that follows the sign-in button to the same rule.
    _issuer = urlsplit(env["BALAI_OIDC_ISSUER"])
    SECURE_CSP["form-action"] = [CSP.SELF, f"{_issuer.scheme}://{_issuer.netloc}"]
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = SECURE
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # HSTS of other hosts is not ours to set
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PROXIES else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "balai"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

SEAL_KEY = env["BALAI_SEAL_KEY"]
SEAL_PASSWORD = env["BALAI_SEAL_PASSWORD"]
SIGNING_PROVIDERS: str = env["BALAI_SIGNING_PROVIDERS"]
OCID_PREFIX: str = env["BALAI_OCID_PREFIX"]
WEB_PROCESSES = env["BALAI_WORKERS"]
INGEST_PORT: int | None = env["BALAI_INGEST_PORT"]
NODE: str = env["BALAI_NODE"]
SPARK: str = env["BALAI_SPARK"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "balai.core.logs.Lines"}, "json": {"()": "balai.core.logs.Objects"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": env["BALAI_LOG_FORMAT"]}},
    "root": {"handlers": ["stderr"], "level": env["BALAI_LOG_LEVEL"]},
    # Two lines a task, every minute, would drown what an operator must see; failures still show.
    "loggers": {"django.tasks": {"level": "WARNING"}, "django_tasks_db": {"level": "WARNING"}},
}
