import pytest

from entitlements.decisions import ALLOWED, Decision, Denied, Reason, collect, deny


def test_a_decision_without_reasons_is_a_yes():
    assert ALLOWED
    assert ALLOWED.codes == set()
    ALLOWED.require()


def test_a_refusal_raises_with_every_reason():
    refusal = deny("too_late", "It is too late.", "Come earlier.") + deny("too_dark", "It is dark.")

    with pytest.raises(Denied) as denied:
        refusal.require()

    assert not refusal
    assert denied.value.codes == {"too_late", "too_dark"}
    assert denied.value.decision == refusal
    assert str(denied.value) == "It is too late. Come earlier. It is dark."


def test_a_yes_adds_nothing_to_a_no():
    assert (ALLOWED + deny("no", "No.")).codes == {"no"}


@pytest.mark.parametrize(
    ("found", "codes"),
    [
        ([], set()),
        ([None, None], set()),
        ([None, Reason("first", "First."), Reason("second", "Second.")], {"first", "second"}),
    ],
)
def test_reasons_are_collected_and_gaps_left_out(found, codes):
    assert collect(found).codes == codes
    assert isinstance(collect(found), Decision)


def test_a_reason_reads_with_and_without_remedy():
    assert str(Reason("code", "A text.", "A remedy.")) == "A text. A remedy."
    assert str(Reason("code", "A text.")) == "A text."
