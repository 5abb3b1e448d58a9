"""What can go wrong with an LDAP server, in codes for machines and sentences for people."""

from typing import Final

from ldap3.core import exceptions, results


class LdapFailed(Exception):
    """The server said no, or nothing.

    `code` is stable; `concerns_server` is true when the server as a whole does not work for us,
    so that the same call may succeed later, and false when it refused this one act. `result` is
    the LDAP result code, where the server gave one.
    """

    def __init__(
        self, code: str, text: str, *, concerns_server: bool, result: int | None = None
    ) -> None:
        super().__init__(text)
        self.code = code
        self.concerns_server = concerns_server
        self.result = result


OF_SERVER: Final = {
    results.RESULT_INVALID_CREDENTIALS: (
        "invalid_credentials",
        "The LDAP server does not accept the name and password that we sign in with.",
    ),
    results.RESULT_INAPPROPRIATE_AUTHENTICATION: (
        "invalid_credentials",
        "The LDAP server does not let this name sign in with a password.",
    ),
    results.RESULT_STRONGER_AUTH_REQUIRED: (
        "encryption_required",
        "The LDAP server demands an encrypted connection: use ldaps:// or StartTLS.",
    ),
    results.RESULT_CONFIDENTIALITY_REQUIRED: (
        "encryption_required",
        "The LDAP server demands an encrypted connection: use ldaps:// or StartTLS.",
    ),
    results.RESULT_BUSY: ("busy", "The LDAP server is busy."),
    results.RESULT_UNAVAILABLE: ("unavailable", "The LDAP server is shutting down or offline."),
    results.RESULT_TIME_LIMIT_EXCEEDED: ("timeout", "The LDAP server took too long."),
    results.RESULT_SIZE_LIMIT_EXCEEDED: (
        "incomplete",
        "The LDAP server does not let us read everything: raise its size limit for the name "
        "that we sign in with.",
    ),
    results.RESULT_ADMIN_LIMIT_EXCEEDED: (
        "incomplete",
        "The LDAP server's administrative limit keeps us from reading everything.",
    ),
    results.RESULT_UNAVAILABLE_CRITICAL_EXTENSION: (
        "paging_unsupported",
        "The LDAP server cannot page results: set page_size to 0.",
    ),
    results.RESULT_REFERRAL: (
        "referral",
        "The LDAP server refers us to another one: connect to that one instead.",
    ),
}

OF_ACT: Final = {
    results.RESULT_INSUFFICIENT_ACCESS_RIGHTS: (
        "not_permitted",
        "The LDAP server does not permit this to the name that we sign in with.",
    ),
    results.RESULT_NO_SUCH_OBJECT: ("not_found", "There is no such entry in the LDAP directory."),
    results.RESULT_INVALID_DN_SYNTAX: (
        "bad_name",
        "The LDAP server does not understand the entry's distinguished name.",
    ),
}

UNDER_CODES_OF_ACTIVE_DIRECTORY: Final = {
    "data 525": "There is no such account.",
    "data 52e": "The password is wrong.",
    "data 530": "The account may not sign in at this time.",
    "data 532": "The account's password is too old.",
    "data 533": "The account is disabled.",
    "data 701": "The account has ended.",
    "data 773": "The account's password must be changed first.",
    "data 775": "The account is locked.",
}


def of_result(result: int, message: str) -> LdapFailed:
    """Say what an LDAP result code other than success means; `message` is the server's own."""
    if result in OF_SERVER:
        code, text = OF_SERVER[result]
        hints = [hint for mark, hint in UNDER_CODES_OF_ACTIVE_DIRECTORY.items() if mark in message]
        return LdapFailed(code, " ".join([text, *hints]), concerns_server=True, result=result)
    if result in OF_ACT:
        code, text = OF_ACT[result]
        return LdapFailed(code, text, concerns_server=False, result=result)
    said = f" It says: {message[:300]}" if message else ""
    text = f"The LDAP server refused (result {result}).{said}"
    return LdapFailed("refused", text, concerns_server=False, result=result)


def of_exception(error: Exception, address: str) -> LdapFailed:
    """Say what an exception of ldap3 means; `address` is the server's."""
    if isinstance(error, exceptions.LDAPOperationResult):
        return of_result(int(error.result), str(error.message or ""))
    if _is_timeout(error):
        text = f"The LDAP server at {address} did not answer in time."
        return LdapFailed("timeout", text, concerns_server=True)
    if isinstance(error, exceptions.LDAPCommunicationError):
        text = f"The LDAP server at {address} cannot be reached."
        return LdapFailed("unreachable", text, concerns_server=True)
    if isinstance(error, exceptions.LDAPException):
        text = f"The LDAP server at {address} cannot be asked this: {error}"
        return LdapFailed("refused", text, concerns_server=False)
    text = f"What answers at {address} does not speak LDAP."
    return LdapFailed("not_ldap", text, concerns_server=True)


def _is_timeout(error: Exception) -> bool:
    timeouts = (TimeoutError, BlockingIOError, exceptions.LDAPResponseTimeoutError)
    return isinstance(error, timeouts) or "timed out" in str(error)
