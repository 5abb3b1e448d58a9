"""The kind, the schedule and the target of a request stay as they were made, whoever writes."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from entitlements import clock
from entitlements.models import AccessRequest
from entitlements.requests import operations
from entitlements.requests.states import RequestKind, RequestState
from tests.factories import AccessRequestFactory, AssignmentPolicyFactory, UserFactory

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
CHANGES = [
    ("kind", lambda: RequestKind.ADMIN_ADD),
    ("starts_at", lambda: clock.now() + 3 * DAY),
    ("starts_at", lambda: None),
    ("ends_at", lambda: clock.now() + 30 * DAY),
    ("ends_at", lambda: None),
    ("target_id", lambda: UserFactory().pk),
]


@pytest.fixture
def access_request(ada):
    """Ada's request, with a schedule of its own."""
    return AccessRequestFactory(
        requestor=ada, starts_at=clock.now() + DAY, ends_at=clock.now() + 9 * DAY
    )


def refused():
    return pytest.raises(DatabaseError, match="unchanging")


@pytest.mark.parametrize(("name", "value"), CHANGES)
def test_kind_schedule_and_target_are_not_changed(access_request, name, value):
    """Checklist 120: request types are immutable."""
    old, new = getattr(access_request, name), value()

    with refused(), transaction.atomic():
        AccessRequest.objects.update(**{name: new})
    setattr(access_request, name, new)
    with refused(), transaction.atomic():
        access_request.save()
    with refused(), transaction.atomic():
        AccessRequest.objects.bulk_update([access_request], [name])

    assert getattr(AccessRequest.objects.get(), name) == old


@pytest.mark.parametrize("name", ["starts_at", "ends_at"])
def test_a_schedule_that_was_left_open_stays_open(ada, name):
    AccessRequestFactory(requestor=ada)

    with refused(), transaction.atomic():
        AccessRequest.objects.update(**{name: clock.now()})


def test_plain_sql_is_refused_too(access_request):
    with refused(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE entitlements_accessrequest SET kind = 'user_remove'")

    assert AccessRequest.objects.get().kind == RequestKind.USER_ADD


def test_what_may_change_changes_beside_them(access_request):
    access_request.state = RequestState.CANCELED
    access_request.outcome_reason = "Not needed."
    access_request.save()
    AccessRequest.objects.update(kind="user_add", completed_at=clock.now())

    changed = AccessRequest.objects.get()
    assert (changed.state, changed.outcome_reason) == (RequestState.CANCELED, "Not needed.")


def test_a_life_changes_none_of_them(ada):
    policy = AssignmentPolicyFactory(allows_custom_dates=True)
    made = operations.submit(policy, by=ada, starts_at=clock.now() + DAY)
    before = (made.kind, made.starts_at, made.ends_at, made.target_id)

    operations.cancel(made, by=ada)

    after = AccessRequest.objects.get()
    assert (after.kind, after.starts_at, after.ends_at, after.target_id) == before


@pytest.mark.skipif(connection.vendor != "sqlite", reason="other databases have no such statement")
def test_replacing_is_refused(access_request):
    columns = [field.column for field in AccessRequest._meta.fields]
    chosen = ["'admin_add'" if name == "kind" else name for name in columns]
    sql = (
        f"INSERT OR REPLACE INTO entitlements_accessrequest ({', '.join(columns)}) "
        f"SELECT {', '.join(chosen)} FROM entitlements_accessrequest"
    )

    with refused(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)

    assert AccessRequest.objects.get().kind == RequestKind.USER_ADD
