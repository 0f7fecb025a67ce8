"""Events: one table of names, and one line each that nothing can forge."""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.event import AUDIT, EVENTS, Event, EventName, Level

AT = datetime(2026, 3, 4, tzinfo=UTC)
FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^" ]+)')


def line(**fields):
    return Event(at=AT, name=EventName.TICK_FAILED, fields=fields).line()


def read_back(text):
    """Return the fields of a line, as a reader of logs would."""
    name, *_ = text.split(" ", 1)
    assert name == "tick_failed"
    rest = text.removeprefix(name)
    found = {}
    while rest:
        match = FIELD.match(rest, 1)
        assert rest[0] == " ", rest
        assert match, rest
        key, value = match.groups()
        found[key] = json.loads(value) if value.startswith('"') else value
        rest = rest[match.end() :]
    return found


@pytest.mark.parametrize("name", EventName)
def test_every_event_has_a_row(name):
    level, words = EVENTS[name]
    assert Event(at=AT, name=name).level is level
    assert isinstance(level, Level)
    assert words
    assert words.isprintable()


def test_the_table_has_no_other_rows():
    assert set(EVENTS) == set(EventName)


def test_the_audit_log_tells_the_life_of_releases_and_what_operators_did():
    """What stops or starts to speak; not what works again by itself."""
    lives = {name for name in EventName if name.startswith("release_")}
    passing = {EventName.RELEASE_REFUSED, EventName.RELEASE_UNUSABLE}
    others = {
        EventName.VERDICT_HELD,
        EventName.GUARD_RENEWED,
        EventName.PREDICTION_LABELLED,
        EventName.REQUEST_REFUSED,
    }
    assert lives - passing | others == AUDIT


def test_what_the_guard_takes_off_is_for_a_person_to_look_at():
    told = {move: EVENTS[move][0] for move in EventName if move.startswith("release_")}
    assert told[EventName.RELEASE_ROLLED_BACK] is Level.ERROR
    assert told[EventName.RELEASE_REJECTED] is Level.WARNING
    assert told[EventName.RELEASE_PROMOTED] is Level.INFO
    assert told[EventName.RELEASE_CONFIRMED] is Level.INFO
    assert told[EventName.RELEASE_HEARD] is Level.INFO


@pytest.mark.parametrize("name", EventName)
def test_a_name_is_one_word_a_noun_and_a_past_verb(name):
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", name)


def test_an_event_is_a_line_of_its_name_and_fields():
    assert line() == "tick_failed"
    shown = line(digest="ab12", pairs=141, wealth=21.3456, is_new=True, why=None)
    assert (
        shown == "tick_failed digest=ab12 pairs=141 wealth=21.35 is_new=True why=None"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("two words", '"two words"'),
        ("", '""'),
        ('x{a="b"}', r'"x{a=\"b\"}"'),
        ("größer", "größer"),
        (r"C:\temp", r"C:\temp"),
        (r"C:\temp files", r'"C:\\temp files"'),
        ("one\ntwo", r'"one\ntwo"'),
        ("one\rtwo", r'"one\rtwo"'),
        ("one\u2028two", r'"one\u2028two"'),
        ("\x1b[31mred", r'"\u001b[31mred"'),
        ("\x7f", r'"\u007f"'),
        ("\udc80", r'"\udc80"'),
    ],
)
def test_a_value_is_quoted_where_it_must_be(value, shown):
    assert line(reason=value) == f"tick_failed reason={shown}"


def test_no_value_forges_a_field():
    forged = line(reason='no" level="info', task="t")
    assert read_back(forged) == {"reason": 'no" level="info', "task": "t"}


@settings(deadline=None, max_examples=200)
@given(st.text(), st.text(alphabet=' "\\\n\r=\x1b\x85\u2029ab'))
def test_any_value_is_on_one_printable_line_and_reads_back(one, two):
    shown = line(one=one, two=two)
    assert shown.isprintable()
    assert len(shown.splitlines()) == 1
    assert read_back(shown) == {"one": one, "two": two}
