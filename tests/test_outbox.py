from uuid import uuid4

import pytest
from django.db import transaction
from django_q.models import OrmQ

from entitlements import outbox


@pytest.mark.django_db
def test_a_message_names_its_task_and_carries_ids_as_text():
    key = uuid4()

    outbox.enqueue("delivery.tasks.deliver", assignment_id=key, number=7)

    message = OrmQ.objects.get()
    assert message.name() == "delivery.tasks.deliver"
    assert message.key == "portal"
    assert message.task["func"] == "entitlements.delivery.tasks.deliver"
    assert message.task["args"] == ()
    assert message.task["kwargs"] == {"assignment_id": str(key), "number": "7"}


@pytest.mark.django_db
def test_revocations_have_a_queue_of_their_own(settings):
    settings.REVOCATION_QUEUE = "revocations"

    outbox.enqueue_revocation("sweep.run")
    outbox.enqueue("sweep.run")

    assert [message.key for message in OrmQ.objects.order_by("pk")] == ["revocations", "portal"]


@pytest.mark.django_db(transaction=True)
def test_a_message_goes_with_a_rollback():
    with transaction.atomic():
        outbox.enqueue("sweep.run")
        assert OrmQ.objects.count() == 1
        transaction.set_rollback(True)

    assert not OrmQ.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_message_comes_with_the_commit():
    with transaction.atomic():
        outbox.enqueue("sweep.run")

    assert OrmQ.objects.count() == 1
