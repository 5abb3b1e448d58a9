"""Send the mails of notifications; the rows say what is still to be sent."""


def sweep_mails() -> int:
    return 0


def send_due() -> None:
    return None
