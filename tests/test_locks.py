from threading import Event, Thread

import pytest
from django.db import connection, connections, transaction

from entitlements.locks import lock_rows, lock_table, take_turns
from entitlements.models import User
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "lock",
    [
        lambda ada, bo: take_turns(ada.pk, bo.pk),
        lambda ada, bo: lock_rows(User.objects.filter(pk__in=[ada.pk, bo.pk])),
        lambda ada, bo: lock_table(User),
    ],
    ids=["take_turns", "lock_rows", "lock_table"],
)
def test_the_second_waits_until_the_first_is_through(ada, bo, lock):
    order, entered = [], Event()

    def second():
        try:
            entered.wait(timeout=10)
            with transaction.atomic():
                lock(ada, bo)
                order.append("second")
        finally:
            connections.close_all()

    thread = Thread(target=second)
    thread.start()
    with transaction.atomic():
        lock(ada, bo)
        entered.set()
        thread.join(timeout=0.5)
        assert thread.is_alive()
        order.append("first")
    thread.join(timeout=10)

    assert order == ["first", "second"]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="its transactions exclude all others")
def test_whoever_is_about_something_else_need_not_wait(ada, bo):
    def other():
        with transaction.atomic():
            take_turns(bo.pk, ada.pk)
            return "through"

    with transaction.atomic():
        take_turns(ada.pk, bo.pk)
        assert at_once(other) == ["through"]
