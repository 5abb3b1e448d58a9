"""Every setting of the portal, read from the environment; .env.example names and explains them."""

from pathlib import Path

import django_stubs_ext
import environ

from portal import environment
from portal import logging as portal_logging

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if env_file := env.str("ENV_FILE", default=str(BASE_DIR / ".env")):
    environ.Env.read_env(env_file)

# What this portal is, and where it keeps its files

PORTAL_NAME = env.str("PORTAL_NAME", default="Access Hub")
BIND = env.str("BIND", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
PORTAL_URL = env.str("PORTAL_URL", default=f"http://localhost:{PORT}").rstrip("/")
ORGANIZATION_HINTS = env.list("ORGANIZATION_HINTS", default=[environment.host_of(PORTAL_URL)])
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
DEMO = env.bool("DEMO", default=False)
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# Database

DATABASES = {
    "default": environment.database(
        env.str("DATABASE_URL", default=""),
        directory=DATA_DIR,
        pool_size=env.int("DATABASE_POOL_SIZE", default=10),
    )
}
ON_POSTGRESQL = DATABASES["default"]["ENGINE"].endswith("postgresql")
SILENCED_SYSTEM_CHECKS = [
    "auth.W004",  # addresses are unique without regard to case, by constraint
    "security.W005",  # whether its subdomains use HTTPS is for the organization to say
    "security.W021",
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# A portal that others can reach, or that shares its database with other machines, is in production.

PRODUCTION = not environment.is_loopback(DATABASES["default"]["HOST"]) or not all(
    environment.is_loopback(host) for host in ALLOWED_HOSTS
)

# Secrets: given in production, kept in the data directory otherwise

SECRET_KEY = env.str("SECRET_KEY", default="")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
SECRETS_KEYS = env.list("SECRETS_KEYS", default=[])
MISSING_SECRETS = []
if not SECRET_KEY:
    if PRODUCTION and not DEMO:
        MISSING_SECRETS.append("SECRET_KEY")
    else:
        SECRET_KEY = environment.kept_secret(DATA_DIR / "secret_key", environment.new_secret_key)
    SECRET_KEY = SECRET_KEY or environment.new_secret_key()
if not SECRETS_KEYS:
    if PRODUCTION and not DEMO:
        MISSING_SECRETS.append("SECRETS_KEYS")
    else:
        kept = environment.kept_secret(DATA_DIR / "secrets_key", environment.new_fernet_key)
        SECRETS_KEYS = [kept or environment.new_fernet_key()]

# Applications

INSTALLED_APPS = [
    "portal",
    "entitlements",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "guardian",
    "django_q",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_htmx",
]
MIDDLEWARE = [
    "portal.logging.RequestLogMiddleware",
    "portal.middleware.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.middleware.ViewerMiddleware",
    "portal.middleware.FragmentMiddleware",
    "portal.middleware.RefusalMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.navigation.shell",
            ],
        },
    },
]
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

# Times and language

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
ORGANIZATION_TIME_ZONE = env.str("ORGANIZATION_TIME_ZONE", default="UTC")

# Approval

RISK_PROVIDER = env.str("RISK_PROVIDER", default="entitlements.policies.risk.reported")
APPROVAL_DELEGATION = env.bool("APPROVAL_DELEGATION", default=True)

# Static files

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static" if PRODUCTION else None
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not PRODUCTION
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# Sessions and cache: shared by all processes on PostgreSQL, one process's own on SQLite

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = env.int("SESSION_HOURS", default=12) * 3600
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "portal_cache",
    }
    if ON_POSTGRESQL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "jobs": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "jobs"},
}

# Sign-in

AUTH_USER_MODEL = "entitlements.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
    "guardian.backends.ObjectPermissionBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
GUARDIAN_MONKEY_PATCH_USER = False
ANONYMOUS_USER_NAME = None
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "portal.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True  # until the session ends by its age; nothing to choose
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if PRODUCTION else "http"
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "reset_password": "20/m/ip,5/m/key",
    "confirm_email": "1/3m/key",
    "resume_callout": "120/m/ip",
}
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXIES", default=0)
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = PORTAL_NAME
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION

# Transport and browser security

if ALLAUTH_TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.bool("SSL_REDIRECT", default=PRODUCTION)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=31_536_000 if PRODUCTION else 0)
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"

# Mail; in demo mode the mails stay in the portal's own mail log

mail = env.email_url("EMAIL_URL", default="dummymail://" if DEMO else "consolemail://")
EMAIL_BACKEND = mail["EMAIL_BACKEND"]
EMAIL_HOST = mail["EMAIL_HOST"]
EMAIL_PORT = mail["EMAIL_PORT"]
EMAIL_HOST_USER = mail["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = mail["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"{PORTAL_NAME} <access@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# What mails take from other parts: their links, and what they show about what is to be decided

LINKS = "portal.links.link_for"
MAIL_FACTS = {"accessrequest": "entitlements.requests.context.facts_for_mail"}

# What people read where nobody closer to it says otherwise, and what owners may do

APPROVERS_SHOWN = env.bool("APPROVERS_SHOWN", default=True)
RESOURCES_SHOWN_TO = env.str("RESOURCES_SHOWN_TO", default="everyone")
DIRECT_ASSIGNMENT_SKIPS_APPROVAL = env.bool("DIRECT_ASSIGNMENT_SKIPS_APPROVAL", default=False)
OWNERS_ADMIT_OUTSIDERS = env.bool("OWNERS_ADMIT_OUTSIDERS", default=True)

# Jobs: every message may be lost or repeated, because the work itself is a row of ours

JOBS_WORKERS = env.int("JOBS_WORKERS", default=2)
JOBS_TIMEOUT = env.int("JOBS_TIMEOUT", default=120)
WORK_LEASE_SECONDS = env.float("WORK_LEASE_SECONDS", default=JOBS_TIMEOUT + 60)
TICK_SECONDS = env.float("TICK_SECONDS", default=5.0)
Q_CLUSTER = {
    "name": "portal",
    "orm": "default",
    "workers": JOBS_WORKERS,
    "queue_limit": JOBS_WORKERS,
    "bulk": 1,
    "timeout": JOBS_TIMEOUT,
    "retry": JOBS_TIMEOUT * 4,
    "max_attempts": 5,
    "ack_failures": False,
    "catch_up": False,
    "save_limit": 1000,
    "recycle": 500,
    "poll": 0.5,
    "scheduler": False,  # one schedule that cannot be read would stop them all; we tick instead
    "label": "Jobs",
    "cache": "jobs",
    "ALT_CLUSTERS": {},
}
REVOCATION_QUEUE = env.str("REVOCATION_QUEUE", default=Q_CLUSTER["name"])

# Calls to other systems: which networks besides the public ones, for instance 10.2.0.0/16

CALLOUT_ALLOWED_NETWORKS = environment.networks(env.list("CALLOUT_ALLOWED_NETWORKS", default=[]))
RESUME_LINK = "portal.callbacks.addresses.resume_link"

# Web server; one process on SQLite, whose cache (and with it the throttle) is per process

WEB_WORKERS = env.int("WEB_WORKERS", default=2 if ON_POSTGRESQL else 1)
WEB_THREADS = env.int("WEB_THREADS", default=4)

# Logs

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO" if PRODUCTION else "WARNING")
LOGGING = portal_logging.configure(
    as_json=env.str("LOG_FORMAT", default="json" if PRODUCTION else "text") == "json",
    level=LOG_LEVEL,
)
