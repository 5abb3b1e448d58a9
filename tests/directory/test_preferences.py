import pytest

from entitlements.audit.models import AuditEvent
from entitlements.decisions import Denied
from entitlements.directory import preferences
from entitlements.directory.sign_ins import signed_in


def test_somebody_chooses_how_things_are_shown(ada):
    preferences.choose(ada, by=ada, theme="dark", time_zone="Asia/Tokyo", mail_preference="daily")

    ada.refresh_from_db()
    assert (ada.theme, ada.time_zone, ada.mail_preference) == ("dark", "Asia/Tokyo", "daily")


def test_what_changed_is_written_down(ada):
    preferences.choose(ada, by=ada, theme="dark", language="en")

    event = AuditEvent.objects.get()
    assert (event.action, event.actor_id) == ("user.preferences_changed", ada.pk)
    assert event.details == {"changes": {"theme": "dark"}}


def test_choosing_what_is_chosen_already_leaves_no_trace(ada, actions):
    preferences.choose(ada, by=ada, theme=ada.theme)

    assert actions() == []


@pytest.mark.parametrize(
    "choice",
    [
        {"theme": "pink"},
        {"time_zone": "Mars/Olympus"},
        {"language": "tlh"},
        {"mail_preference": "never"},
        {"is_superuser": "True"},
    ],
)
def test_unknown_choices_are_refused(ada, choice, actions):
    with pytest.raises(Denied) as refusal:
        preferences.choose(ada, by=ada, **choice)

    assert refusal.value.codes == {"unknown_choice"}
    assert actions() == []


def test_nobody_chooses_for_somebody_else(ada, bo):
    with pytest.raises(Denied) as refusal:
        preferences.choose(ada, by=bo, theme="dark")

    assert refusal.value.codes == {"not_yours"}


def test_a_sign_in_is_written_down_with_its_method(ada):
    signed_in(ada, method="demo")

    event = AuditEvent.objects.get()
    assert (event.action, event.details) == ("user.signed_in", {"method": "demo"})
