"""The voucher: what a child answers, and what is made of no answer."""

import json
import os
import signal
import sys
from contextlib import closing

import psutil
import pytest

from agent.adapters.voucher import CourierVoucher
from agent.errors import UnavailableError

GOOD, BAD, UNSEEN = ("a" * 64, "b" * 64, "c" * 64)
SAYS = "import sys; print(sys.argv[1]); raise SystemExit(int(sys.argv[2]))"
HANGS = [sys.executable, "-c", "import time; time.sleep(60)"]
ANSWER = {"job": "vouch", "status": 0, "doubts": {BAD: "unsigned"}, "vouched": [GOOD]}
DIES = [sys.executable, "-c", "raise SystemError"]


def says(text, status=0):
    return CourierVoucher([sys.executable, "-c", SAYS, text, str(status)])


def children():
    return psutil.Process().children()


def test_who_is_vouched_for_is_not_doubted_and_who_is_not_seen_is():
    voucher = says(json.dumps(ANSWER))
    assert voucher.doubts([GOOD]) == {}
    assert voucher.doubts([GOOD, BAD, UNSEEN]) == {
        BAD: "unsigned",
        UNSEEN: "nobody vouches for it: the courier does not find it at work",
    }
    assert children() == []


def test_a_question_that_was_begun_early_is_answered_once():
    with closing(says(json.dumps(ANSWER))) as voucher:
        voucher.begin()
        (early,) = children()
        voucher.doubts([GOOD])
        assert not early.is_running()
        voucher.doubts([GOOD])
        assert children() == []


def test_a_question_that_was_begun_and_never_asked_leaves_no_child():
    with closing(CourierVoucher(HANGS)) as voucher:
        voucher.begin()
        assert len(children()) == 1
    assert children() == []


@pytest.mark.parametrize(
    ("voucher", "reason"),
    [
        (says('{"status": 75, "error": "locked"}', 75), "was asked: locked$"),
        (CourierVoucher(DIES), "was asked: no answer, it ended with 1$"),
        (says(""), "was asked: .*truncated"),
        (says("Traceback"), "was asked: "),
        (says('{"doubts": {}}'), "missing required field `status`"),
        (says('{"status": 0, "doubts": []}'), "Expected `object`, got `array`"),
        (CourierVoucher(["/nonexistent/courier"]), "No such file"),
        (CourierVoucher(HANGS, limit_s=0.2), "timed out after 0.2 seconds"),
    ],
)
def test_no_answer_vouches_for_nobody(voucher, reason):
    for _ in range(2):
        voucher.begin()
        with pytest.raises(UnavailableError, match=reason):
            voucher.doubts([GOOD])
        assert children() == []


def test_a_child_that_was_killed_vouches_for_nobody():
    voucher = CourierVoucher(HANGS)
    voucher.begin()
    os.kill(children()[0].pid, signal.SIGKILL)
    with pytest.raises(UnavailableError):
        voucher.doubts([GOOD])
