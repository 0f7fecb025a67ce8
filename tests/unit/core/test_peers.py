"""Peers: the rules that an operator has today, spelled as expressions."""

import numpy as np
import pytest

from agent.core.expression import text
from agent.core.manifest import parse_manifest
from agent.core.peers import Peer, expressions, ranking
from tests.fakes.life import CPU, manifest_of

TARGET = parse_manifest(manifest_of(target={"within": "15m"})).target


@pytest.mark.parametrize(
    ("interval_s", "level", "line"),
    [
        (10.0, "5m", "30m"),
        (60.0, "5m", "30m"),
        (300.0, "5m", "30m"),
        (3600.0, "1h", "2h"),
    ],
)
def test_the_rules_are_those_of_operators_with_points_enough(interval_s, level, line):
    found = expressions(TARGET, interval_s=interval_s)
    assert {peer: text(each) for peer, each in found.items()} == {
        Peer.LEVEL: f"avg_over_time({CPU}[{level}]) / $limit",
        Peer.LINE: f"predict_linear({CPU}[{line}], 900) / $limit",
        Peer.SEASON: f"seasonal_share_above({CPU}[7d], $limit)",
    }


def test_a_rule_ranks_what_is_nearer_to_the_event_first_and_no_answer_last():
    values = np.array([0.5, np.nan, 2.0])
    assert ranking(values, is_upward=True).tolist() == [0.5, -np.inf, 2.0]
    assert ranking(values, is_upward=False).tolist() == [-0.5, -np.inf, -2.0]
