"""The page of states is drawn from the code, and CI notices when it is not."""

import pytest
from django.core.management import CommandError, call_command

from entitlements.assignments.models import AssignmentState
from entitlements.management.commands import draw_states
from entitlements.requests.states import EXTENDS, TRANSITIONS, Event, RequestState, Transition


def test_the_page_in_the_documents_is_what_the_code_says():
    call_command("draw_states", "--check")


def test_every_step_of_the_table_is_an_arrow_and_a_row():
    page = draw_states.page()

    for row in TRANSITIONS:
        assert f"{row.source.value} --> {row.target.value}" in page
        assert f"| {row.source.label} | {row.event.label} | {row.target.label} |" in page


def test_events_between_the_same_states_share_an_arrow():
    source, target = RequestState.SUBMITTED, RequestState.CANCELED
    rows = [Transition(source, event, target, EXTENDS) for event in (Event.CANCEL, Event.LAPSE)]

    diagram = draw_states.request_diagram(rows)

    assert "    submitted --> canceled: canceled, no decision in time\n" in diagram
    assert "    canceled --> [*]\n" in diagram
    assert "submitted --> [*]" not in diagram


def test_every_assignment_leads_to_its_end():
    diagram = draw_states.assignment_diagram()

    for state in set(AssignmentState) - {AssignmentState.EXPIRED}:
        assert f"{state.value} --> expired: time ran out, given back" in diagram


def test_a_step_that_only_some_kinds_have_names_them():
    row = Transition(RequestState.APPROVED, Event.EXTEND, RequestState.DELIVERED, EXTENDS)

    kinds = "`user_extend`, `admin_update`, `system_update`"
    assert f"| Approved | end moved | Done | {kinds} |" in draw_states.table([row])


def test_writing_the_page_makes_the_check_pass(tmp_path, capsys):
    path = tmp_path / "new" / "states.md"

    call_command("draw_states", path=str(path))
    call_command("draw_states", "--check", path=str(path))

    assert path.read_text() == draw_states.page()
    assert "is up to date" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "# States\n"])
def test_an_outdated_or_missing_page_fails_the_check(tmp_path, content):
    path = tmp_path / "states.md"
    if content:
        path.write_text(content)

    with pytest.raises(CommandError, match="is out of date"):
        call_command("draw_states", "--check", path=str(path))

    assert path.exists() is bool(content)
