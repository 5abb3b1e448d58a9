"""Secrets of connected systems, encrypted at rest."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SecretUnreadable(Exception):
    """A stored secret was encrypted with a key that the settings no longer name."""


def seal(secret: str) -> str:
    """Encrypt with the first of the configured keys; nothing stays nothing."""
    return _keys().encrypt(secret.encode()).decode() if secret else ""


def unseal(sealed: str) -> str:
    """Decrypt with whichever configured key fits, or raise SecretUnreadable."""
    if not sealed:
        return ""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise SecretUnreadable(
            "A stored secret cannot be read with the present SECRETS_KEYS: enter it again, "
            "or bring back the key that it was stored with."
        ) from error


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.SECRETS_KEYS])
