"""Labelled samples: few digits, exact weights, no more sent than seen."""

from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.core.envelope import Labelled, LabelledRow, Seen, row_of
from agent.core.envelope.labelled import flaw

SINGLES = st.integers(0, 2**32 - 1).map(
    lambda bits: np.array([bits], dtype=np.uint32).view(np.float32)[0]
)


def sample(features=()):
    return LabelledRow(
        task="disk-full",
        release="a" * 64,
        entity="/",
        at=datetime(2026, 3, 1, tzinfo=UTC),
        label=1.0,
        baseline=(0.1,),
        active=(),
        features=features,
    )


def arrived(features):
    """Return features as central reads them."""
    document = msgspec.json.encode(sample(row_of(features)))
    row = msgspec.json.decode(document, type=LabelledRow)
    return np.array(
        [np.nan if each is None else each for each in row.features], dtype=np.float32
    )


@settings(deadline=None, max_examples=100)
@given(st.lists(SINGLES, max_size=20))
@example([np.float32(0.1), np.float32(-0.0), np.float32(1e-45), np.float32(3.4e38)])
def test_every_number_arrives_as_the_very_same_float32(numbers):
    features = np.array(numbers, dtype=np.float32)
    finite = np.where(np.isfinite(features), features, np.float32(np.nan))
    back = arrived(features)
    is_gap = np.isnan(finite)
    np.testing.assert_array_equal(np.isnan(back), is_gap)
    # By their bits: -0.0 is not 0.0.
    np.testing.assert_array_equal(
        back[~is_gap].view(np.uint32), finite[~is_gap].view(np.uint32)
    )


def test_a_number_takes_few_digits_and_a_gap_is_null():
    features = np.array([0.1, 1 / 3, np.nan, 16777216, 1e-7], dtype=np.float32)
    written = msgspec.json.encode(row_of(features))
    assert written == b"[0.1,0.33333334,null,16777216.0,1e-7]"


@pytest.mark.parametrize("endless", [np.inf, -np.inf])
def test_what_is_no_number_leaves_as_a_gap(endless):
    assert row_of(np.array([endless, 2], dtype=np.float32)) == (None, 2.0)


def test_a_sample_is_written_without_its_names():
    assert msgspec.json.decode(msgspec.json.encode(sample((None, 0.5)))) == [
        *["disk-full", "a" * 64, "/", "2026-03-01T00:00:00Z", 1.0, [0.1], []],
        [None, 0.5],
    ]


@settings(deadline=None)
@given(st.integers(0, 4), st.integers(0, 4))
def test_each_row_has_its_weight(rows, weights):
    found = flaw(
        Labelled(scheme="x", rows=(sample(),) * rows, weights=(1.0,) * weights)
    )
    words = f"labelled.weights: expected {rows}, one a row, got {weights}"
    assert found == ("" if rows == weights else words)


@settings(deadline=None)
@given(*[st.integers(0, 3)] * 4)
def test_no_more_is_sent_than_was_seen(events, quiet, sent_events, sent_quiet):
    seen = Seen(
        task="t",
        events=events,
        quiet=quiet,
        sent_events=sent_events,
        sent_quiet=sent_quiet,
    )
    found = flaw(Labelled(scheme="x", seen=(Seen(task="empty"), seen)))
    words = (
        "labelled.seen of t: expected no more sent than seen, got "
        f"{sent_events} of {events} events and {sent_quiet} of {quiet} others"
    )
    is_right = sent_events <= events and sent_quiet <= quiet
    assert found == ("" if is_right else words)
