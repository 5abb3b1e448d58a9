"""Which languages a browser asks for."""

from django.http import HttpRequest
from django.utils.translation.trans_real import parse_accept_lang_header


def wanted_languages(request: HttpRequest) -> tuple[str, ...]:
    """Return the languages that the browser would like to read, the dearest first ("de-at")."""
    header = request.headers.get("Accept-Language", "")
    return tuple(language for language, _ in parse_accept_lang_header(header))
