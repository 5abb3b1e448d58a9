from datetime import timedelta

import pytest

from entitlements import clock
from entitlements.decisions import Denied
from entitlements.models import AccessRequest
from entitlements.requests import deciding, operations
from entitlements.requests.states import RequestState

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def deny(pending, ada, bo):
    deciding.deny_request(pending, by=bo)


def lapse(pending, ada, bo):
    with clock.at(pending.steps.get().due_at):
        deciding.lapse(pending.steps.get())


def cancel(pending, ada, bo):
    operations.cancel(pending, by=ada)


@pytest.mark.parametrize("end", [deny, lapse, cancel])
def test_what_was_not_granted_is_asked_for_again(ada, bo, pending, end):
    end(pending, ada, bo)
    pending.refresh_from_db()

    again = operations.resubmit(pending, by=ada)

    assert again.pk != pending.pk
    assert again.state == RequestState.PENDING_APPROVAL
    assert again.policy == pending.policy
    assert again.justification == "Year-end close"
    assert again.steps.get().approvers.get() == bo


def test_dates_that_are_still_to_come_are_kept(ada, bo, approved_by_bo):
    approved_by_bo.allows_custom_dates = True
    approved_by_bo.save()
    moment = clock.now()
    access_request = operations.submit(
        approved_by_bo, by=ada, starts_at=moment + DAY, ends_at=moment + 9 * DAY
    )
    access_request = deciding.deny_request(access_request, by=bo)

    with clock.at(moment + 2 * DAY):
        again = operations.resubmit(access_request, by=ada)

    assert again.starts_at is None
    assert again.ends_at == moment + 9 * DAY


def test_what_waits_or_was_granted_is_not_asked_for_again(ada, bo, pending):
    with pytest.raises(Denied) as denied:
        operations.resubmit(pending, by=ada)
    assert denied.value.codes == {"not_resubmittable"}

    granted = deciding.approve(pending, by=bo)
    with pytest.raises(Denied) as denied:
        operations.resubmit(granted, by=ada)
    assert denied.value.codes == {"not_resubmittable"}


def test_direct_assignments_are_not_asked_for_again(ada, bo, gita, approved_by_bo, appoint):
    appoint(gita, approved_by_bo.package.catalog)
    access_request = operations.assign(approved_by_bo, ada, by=gita)
    denied_request = deciding.deny_request(access_request, by=bo)

    with pytest.raises(Denied) as denied:
        operations.resubmit(denied_request, by=gita)

    assert denied.value.codes == {"not_resubmittable"}


def test_only_whoever_asked_asks_again(bo, pending):
    denied_request = deciding.deny_request(pending, by=bo)

    with pytest.raises(Denied) as denied:
        operations.resubmit(denied_request, by=bo)

    assert denied.value.codes == {"not_requestor"}


def test_the_rules_are_asked_again(ada, bo, pending):
    denied_request = deciding.deny_request(pending, by=bo)
    pending.policy.is_enabled = False
    pending.policy.save()
    denied_request.refresh_from_db()

    with pytest.raises(Denied) as denied:
        operations.resubmit(AccessRequest.objects.get(), by=ada)

    assert denied.value.codes == {"policy_off"}
