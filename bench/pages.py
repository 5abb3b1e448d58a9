"""P4: server time of warm pages beside a minimal Django page."""

from django.test import Client, override_settings
from django.urls import reverse

from bench import minimal
from bench.measure import Row, database_time, median, milliseconds, wall
from bench.size import Size
from entitlements.models import AccessRequest, User

MOST_QUERIES = 15


def run(size: Size) -> list[Row]:
    """Measure each page for somebody who has much of what it shows."""
    with override_settings(ALLOWED_HOSTS=["*"], SESSION_COOKIE_SECURE=False):
        with override_settings(ROOT_URLCONF="bench.minimal", MIDDLEWARE=minimal.MIDDLEWARE):
            least = _seconds(_client("user0@bench.example"), "/")
        return [_row(name, address, email, least) for name, address, email in _addresses(size)]


def _addresses(size: Size) -> list[tuple[str, str, str]]:
    person, approver = f"user{size.people // 2}@bench.example", "user0@bench.example"
    waiting = AccessRequest.objects.filter(state="pending_approval").first()
    return [
        ("Home", reverse("home:index"), person),
        ("Available", reverse("packages:index"), person),
        ("Active", reverse("access:index"), person),
        ("Requests", reverse("requests:index"), person),
        ("Expired", reverse("access:expired"), person),
        ("Inbox", reverse("approvals:index"), approver),
        ("Decided", reverse("approvals:decided"), approver),
        ("Timeline", reverse("requests:detail", args=[waiting.pk]), approver),
        ("Notifications", reverse("notifications:index"), approver),
    ]


def _client(email: str) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(
        User.objects.get(email=email), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


def _seconds(client: Client, address: str) -> float:
    answer = client.get(address)
    if answer.status_code != 200:
        raise SystemExit(f"{address} answered {answer.status_code}.")

    def once() -> float:
        return wall(lambda: client.get(address))

    return median(once, runs=15)


def _row(name: str, address: str, email: str, least: float) -> Row:
    client = _client(email)
    ours = _seconds(client, address)
    with database_time() as spent:
        client.get(address)
    ratio = ours / least
    return Row(
        "P4",
        f"page {name}, {spent.statements} statements",
        milliseconds(ours),
        f"{milliseconds(least)} (minimal page)",
        ratio,
        "≤ 3 × minimal, ≤ 15 statements",
        ratio <= 3 and spent.statements <= MOST_QUERIES,
    )
