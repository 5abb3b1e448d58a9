"""An export leaves one event: who took what away, how filtered, and which file it was."""

import pytest

from entitlements import clock
from entitlements.audit.exports import note_export
from entitlements.models import AuditEvent

pytestmark = pytest.mark.django_db


def test_an_export_is_written_down_with_the_digest_of_its_file(ada):
    as_of = clock.now()

    note_export(
        "assignments", ada, by=ada, filters="State: Ended", rows=112, digest="ab" * 32, as_of=as_of
    )

    event = AuditEvent.objects.get()
    assert (event.action, event.actor_id, event.subject_id) == (
        "assignments.exported",
        ada.pk,
        ada.pk,
    )
    assert event.details == {
        "filters": "State: Ended",
        "rows": 112,
        "sha256": "ab" * 32,
        "as_of": as_of.isoformat(),
    }
