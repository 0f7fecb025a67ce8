"""Requests: what an operator can ask for, as it is kept, and what is answered."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from agent.core.event import EventName
from agent.core.request import (
    Answer,
    Label,
    Refusal,
    Request,
    Verb,
    answered,
    refused,
)

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
LATER = AT + timedelta(seconds=10)
REQUESTS = [
    Request(at=AT, by="ada", verb=Verb.ROLLBACK, task="disk-full"),
    Request(at=AT, by="ada", verb=Verb.PIN, task="disk-full", version=7),
    Request(at=AT, by="ada", verb=Verb.UNPIN, task="disk-full", id=3),
    Request(at=AT, by="ada", verb=Verb.CLEAR, task="disk-full", version=7),
    *(
        Request(at=AT, by="ada", verb=Verb.LABEL, moment=12, label=label)
        for label in Label
    ),
]


def test_every_verb_and_label_is_among_the_examples():
    assert {request.verb for request in REQUESTS} == set(Verb)
    assert {r.label for r in REQUESTS if r.label} == set(Label)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: f"{r.verb}-{r.label}")
def test_a_request_is_what_it_was_written_as(request_):
    written = msgspec.json.encode(request_)
    assert msgspec.json.decode(written, type=Request) == request_


def test_what_was_not_said_is_not_written():
    written = msgspec.json.decode(msgspec.json.encode(REQUESTS[0]))
    assert set(written) == {"at", "by", "verb", "task"}


def test_a_verb_of_a_newer_program_is_not_understood():
    with pytest.raises(msgspec.ValidationError, match="dance"):
        msgspec.json.decode(
            b'{"at":"2026-03-04T05:06:07Z","by":"ada","verb":"dance"}', type=Request
        )


def test_an_answer_names_its_request_and_is_a_refusal_unless_it_is_done():
    asked = msgspec.structs.replace(REQUESTS[1], id=9)
    answer = answered(asked, LATER, words="disk-full: no version 7 here")
    assert answer == Answer(
        request=9, at=LATER, is_done=False, words="disk-full: no version 7 here"
    )
    assert answered(asked, LATER, words="done", is_done=True).is_done


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: f"{r.verb}-{r.label}")
def test_a_request_that_is_turned_down_is_told_with_who_asked_for_what(request_):
    told = refused(request_, LATER, words="disk-full: no version 7 here")
    assert (told.name, told.at) == (EventName.REQUEST_REFUSED, LATER)
    assert told.fields == {
        "task": request_.task,
        "asked": str(request_.verb),
        "reason": "disk-full: no version 7 here",
        "by": "ada",
    }


def test_a_refusal_is_its_words():
    assert str(Refusal("disk-full: nothing is pinned")) == (
        "disk-full: nothing is pinned"
    )
