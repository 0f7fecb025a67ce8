"""Cutting by the configuration, on a state folder as a daemon left it."""

import os
from datetime import timedelta

import pytest

from agent.config import Config, load
from agent.core.envelope import parse_envelope
from agent.core.packing import unpacked
from agent.core.reporting import Sharing, WhenFull
from agent.errors import StateError
from agent.wiring.cutting import cut_now, opened_spool, previewed, sender
from tests.fakes.lived import START, Lived


def config_of(folder, text):
    path = folder / "config.toml"
    path.write_text(text)
    return load(path).config


def test_by_default_summaries_leave_and_no_name():
    host = sender(Config())
    assert (host.sharing, host.host_name) == (Sharing.SUMMARIES, None)
    assert (host.max_bytes, host.max_age) == (64_000_000, timedelta(days=30))
    assert len(host.host_id) == 32


def test_the_site_chooses_what_leaves(tmp_path):
    config = config_of(
        tmp_path,
        """
        [agent]
        labels = { role = "db" }
        [sharing]
        level = "samples"
        labelled_bytes_per_day = "1kB"
        host_name = true
        [spool]
        max_size = "5MB"
        max_age = "2d"
        when_full = "drop-newest"
        """,
    )
    host = sender(config)
    assert host.sharing is Sharing.SAMPLES
    assert host.labelled_bytes_per_day == 1_000
    assert host.host_name == os.uname().nodename
    assert dict(host.labels) == {"role": "db"}
    assert (host.max_bytes, host.max_age) == (5_000_000, timedelta(days=2))
    assert host.when_full is WhenFull.DROP_NEWEST


def test_what_is_previewed_is_what_is_cut(tmp_path):
    lived = Lived(tmp_path / "state")
    lived.say(30)
    host, now = sender(Config()), START + timedelta(hours=1)
    with opened_spool(lived.state) as spool:
        shown = previewed(lived.state, spool, host=host, now=now)
        parcel = cut_now(lived.state, spool, host=host, now=now)
        assert parse_envelope(unpacked(parcel.body)) == shown
        assert spool.waiting(limit=9) == (parcel,)
    assert shown.health.resources is None
    assert [each.task for each in shown.line_ups] == ["cpu-busy"]


def test_a_file_that_is_no_database_is_the_operators(tmp_path):
    (tmp_path / "forewarn.db").write_bytes(b"x" * 5_000)
    with pytest.raises(StateError, match="not a database"):
        opened_spool(tmp_path)
