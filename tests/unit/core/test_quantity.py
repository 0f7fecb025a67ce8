"""Durations and sizes, as people write them and as they read them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.quantity import duration_s, duration_text, size_bytes, size_text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10.0),
        ("1.5h", 5400.0),
        (" 2 d ", 172800.0),
        ("250ms", 0.25),
        ("15m", 900.0),
    ],
)
def test_a_duration_is_read(text, seconds):
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("256MB", 256_000_000), ("64KiB", 65_536), ("1.5kB", 1500), ("3 GiB", 3 * 2**30)],
)
def test_a_size_is_read(text, size):
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "10", "s", "-1s", "1e3s", "10 weeks", "1MB"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match=r'units? .*such as "10s", got'):
        duration_s(text)


@pytest.mark.parametrize("text", ["", "10", "10s", "MB", "1 TB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match=r'such as "256MB", got'):
        size_bytes(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "0.2 s"),
        (45, "45 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (3600, "1 h"),
        (3601, "1 h"),
        (273_600, "3 d 4 h"),
        (86_400 + 59, "1 d"),
    ],
)
def test_a_duration_is_told_in_two_units_at_most(seconds, text):
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1300, "1.3 kB"),
        (2_500_000, "2.5 MB"),
        (7.25e12, "7250.0 GB"),
    ],
)
def test_a_size_is_told_with_one_decimal(size, text):
    assert size_text(size) == text


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.sampled_from(["s", "m", "h", "d"]))
def test_a_whole_number_of_a_unit_is_exact(count, unit):
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    assert duration_s(f"{count}{unit}") == count * seconds


@pytest.mark.parametrize("read", [duration_s, size_bytes])
def test_a_number_beyond_all_numbers_is_refused(read):
    unit = "s" if read is duration_s else "GB"
    with pytest.raises(ValueError, match="expected a smaller number"):
        read("9" * 400 + unit)
