"""Logs: one JSON object a line in production, lines for people elsewhere."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from structlog.typing import Processor

log = structlog.get_logger("portal.requests")

SECRETS = frozenset({"token", "key"})  # what parts of addresses that open doors are called

_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def configure(*, as_json: bool, level: str) -> dict[str, Any]:
    """Set structlog up and return Django's LOGGING, so that both write the same lines."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *_rendering(as_json=as_json),
                ],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.request": {"handlers": [], "level": "ERROR", "propagate": True},
            "django.server": {"handlers": [], "level": level, "propagate": True},
            "django-q": {"handlers": [], "level": "WARNING", "propagate": True},
            "gunicorn.error": {"handlers": [], "level": level, "propagate": True},
        },
    }


def _rendering(*, as_json: bool) -> list[Processor]:
    if as_json:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)]


def path_of(request: HttpRequest) -> str:
    """Return the path as logs may keep it: the pattern, where it holds somebody's secret."""
    match = request.resolver_match
    is_secret = match is not None and not SECRETS.isdisjoint(match.kwargs)
    return f"/{match.route}" if match and is_secret else request.path


class RequestLogMiddleware:
    """Give each request an id, bind it to every line logged meanwhile, and log the outcome."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.monotonic()
        request_id = str(uuid.uuid4())
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
            # Only a user whom the request has looked up: logging asks the database nothing.
            user = getattr(request, "_cached_user", None)
            log.info(
                "request",
                method=request.method,
                path=path_of(request),
                status=response.status_code,
                milliseconds=round((time.monotonic() - started) * 1000),
                user=str(user.pk) if user and user.is_authenticated else None,
            )
        response["X-Request-ID"] = request_id
        return response
