"""What central answers: each verdict has a status, and refusals are told apart."""

import pytest

from central.core.answer import STATUS, Answer, Verdict


def test_every_verdict_has_a_status():
    assert set(STATUS) == set(Verdict)


@pytest.mark.parametrize("verdict", Verdict)
def test_only_what_was_taken_is_no_refusal(verdict):
    answer = Answer(verdict=verdict)
    assert answer.is_refusal == (answer.status != 200)


def test_the_reason_is_told_unless_something_else_is():
    assert Answer(verdict=Verdict.BUSY, reason="why").words == "why"
    assert Answer(verdict=Verdict.BUSY, reason="why", told="later").words == "later"
