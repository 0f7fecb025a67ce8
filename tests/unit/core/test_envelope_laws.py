"""The laws of the envelope: what cannot be is refused, in these words."""

import msgspec
import pytest

from agent.core.envelope import parse_envelope
from agent.core.fleet_row import FleetRow
from agent.core.moment import BASELINE
from agent.errors import ReportError
from tests.fakes.report_document import (
    EXAMPLE,
    HOST,
    TASK,
    UNIT,
    changed,
    without,
    written,
)


def refusal(report):
    with pytest.raises(ReportError) as caught:
        parse_envelope(written(report))
    return str(caught.value)


SAMPLE = EXAMPLE["labelled"]["rows"][0]
ROW = EXAMPLE["trials"][0]["row"]
SEEN = EXAMPLE["labelled"]["seen"][0]
_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}\\Z"

REFUSED = [
    pytest.param({**EXAMPLE, "schema": 2}, "expected schema 1, got 2", id="schema"),
    pytest.param({"schema": 0}, "expected schema 1, got 0", id="schema_before_all"),
    pytest.param(without("schema"), "Object missing required field `schema`"),
    pytest.param(
        {**EXAMPLE, "schema": "1"}, "Expected `int`, got `str` - at `$.schema`"
    ),
    pytest.param(
        without("window"), "Object missing required field `window`", id="missing_key"
    ),
    pytest.param(
        {**EXAMPLE, "mood": "good"},
        "Object contains unknown field `mood`",
        id="unknown_key",
    ),
    pytest.param(
        changed("health", "spool", "mood", to=1),
        "Object contains unknown field `mood` - at `$.health.spool`",
        id="unknown_key_of_a_part",
    ),
    pytest.param(
        changed("sequence", to="41"),
        "Expected `int`, got `str` - at `$.sequence`",
        id="type",
    ),
    pytest.param(changed("sequence", to=0), "Expected `int` >= 1 - at `$.sequence`"),
    pytest.param(
        changed("sequence", to=2**53 + 1),
        "Expected `int` <= 9007199254740992 - at `$.sequence`",
    ),
    pytest.param(
        changed("host_id", to="Db-7.example"),
        "Expected `str` matching regex '^[0-9a-z][0-9a-z._-]{7,63}\\\\Z' - at "
        "`$.host_id`",
        id="host_id",
    ),
    pytest.param(
        changed("window", "start", to="2026-03-01T11:00:00"),
        "Expected `datetime` with a timezone component - at `$.window.start`",
        id="no_zone",
    ),
    pytest.param(
        changed("line_ups", 0, "active", "digest", to="A" * 64),
        "Expected `str` matching regex '^[0-9a-f]{64}\\\\Z' - at "
        "`$.line_ups[0].active.digest`",
        id="digest",
    ),
    pytest.param(
        changed("line_ups", 0, "active", "version", to=2**53 + 1),
        "Expected `int` <= 9007199254740992 - at `$.line_ups[0].active.version`",
        id="version",
    ),
    pytest.param(
        changed("scorecards", 0, "digest", to="the-baseline"),
        "Expected `str` matching regex '^([0-9a-f]{64}|baseline)\\\\Z' - at "
        "`$.scorecards[0].digest`",
        id="forecaster",
    ),
    pytest.param(
        changed("scorecards", 0, "role", to="extra"),
        "Invalid enum value 'extra' - at `$.scorecards[0].role`",
        id="role",
    ),
    pytest.param(
        changed("scorecards", 0, "counts", "quiet", to=-1),
        "Expected `int` >= 0 - at `$.scorecards[0].counts.quiet`",
        id="count_below_0",
    ),
    pytest.param(
        changed("scorecards", 0, "calibration", to=[[0, 0, 0]] * 11),
        "Expected `array` of length <= 10 - at `$.scorecards[0].calibration`",
        id="eleven_bins",
    ),
    pytest.param(
        changed("scorecards", 0, "loss", "levels", to={"half": [1, 1, 1, 1]}),
        "Expected `str` matching regex "
        "'^(0\\\\.[0-9]{1,20}|[1-9](\\\\.[0-9]{1,16})?e-[0-9]{2,3})\\\\Z' - at `key` "
        "in `$.scorecards[0].loss.levels`",
        id="level",
    ),
    pytest.param(
        changed("scorecards", 0, "lead_time_s", "steps", to={"1.5": 1}),
        "Expected `str` matching regex '^-?[0-9]{1,4}\\\\Z' - at `key` in "
        "`$.scorecards[0].lead_time_s.steps`",
        id="lead_step",
    ),
    pytest.param(
        changed("evidence", 0, "task", to="No Name"),
        f"Expected `str` matching regex '{_NAME}' - at `$.evidence[0].task`",
        id="evidence_of_no_task",
    ),
    pytest.param(
        changed("evidence", 0, "question", "release", to="v7"),
        "Expected `str` matching regex '^([0-9a-f]{64}|baseline)\\\\Z' - at "
        "`$.evidence[0].question.release`",
        id="question_about_nobody",
    ),
    pytest.param(
        changed("trials", 0, "row", 2, to=-1),
        "Expected `int` >= 0 - at `$.trials[0].row[2]`",
        id="block_below_0",
    ),
    pytest.param(
        changed("trials", 0, "row", 2, to=2**63),
        "Expected `int` <= 9007199254740992 - at `$.trials[0].row[2]`",
        id="block_of_64_bits",
    ),
    pytest.param(
        changed("trials", 0, "row", 1, to=-1),
        "Expected `int` >= 0 - at `$.trials[0].row[1]`",
        id="version_of_a_row",
    ),
    pytest.param(
        changed("trials", 0, "row", 3, to=2**62 + 1),
        "Expected `int` <= 4611686018427387904 - at `$.trials[0].row[3]`",
        id="too_many_outcomes",
    ),
    pytest.param(
        changed("trials", 0, "row", 7, to=[0, 0, 0, 0, -(2**62) - 1]),
        "Expected `int` >= -4611686018427387904 - at `$.trials[0].row[7][4]`",
        id="bet",
    ),
    pytest.param(
        changed("trials", 0, "row", 8, to=[0, 0, 0, 0]),
        "Expected `array` of length >= 5 - at `$.trials[0].row[8]`",
        id="four_bets",
    ),
    pytest.param(
        changed("trials", 0, "ticks", to=10**400),
        "Expected `int` <= 9007199254740992 - at `$.trials[0].ticks`",
        id="ticks_beyond_floats",
    ),
    pytest.param(
        changed("labelled", "rows", 0, to=[*SAMPLE, 1]),
        "Expected `array` of at most length 8",
        id="more_than_a_sample",
    ),
    pytest.param(
        changed("labelled", "rows", 0, 0, to="No Name"),
        f"Expected `str` matching regex '{_NAME}' - at `$.labelled.rows[0][0]`",
        id="sample_of_no_task",
    ),
    pytest.param(
        changed("labelled", "rows", 0, 1, to=BASELINE),
        "Expected `str` matching regex '^[0-9a-f]{64}\\\\Z' - at "
        "`$.labelled.rows[0][1]`",
        id="sample_of_no_release",
    ),
    pytest.param(
        changed("labelled", "weights", 0, to=0.5),
        "Expected `float` >= 1.0 - at `$.labelled.weights[0]`",
        id="weight_below_1",
    ),
]


@pytest.mark.parametrize(("document", "words"), REFUSED)
def test_what_has_not_the_form_is_refused_naming_the_place(document, words):
    assert refusal(document) == f"report: {words}"


UNLAWFUL = [
    pytest.param(
        changed("window", "start", to="2026-03-01T12:00:00.500001Z"),
        "window: expected the start first",
        id="window_ends_before_it_starts",
    ),
    pytest.param(
        changed("trials", 0, "row", 0, to="db-8.example"),
        "trials: expected rows of the sender only",
        id="row_of_another_host",
    ),
    pytest.param(
        changed("trials", 0, "row", 6, to=-1),
        f"trials of {TASK}: counts and sums of losses are never negative",
        id="episodes_below_0",
    ),
    pytest.param(
        changed("trials", 0, "row", 4, to=120 * UNIT + 1),
        f"trials of {TASK}: no loss is above 1",
        id="loss_above_1",
    ),
    pytest.param(
        changed("trials", 0, "row", 7, to=[0, 0, 0, 0, -(10**11)]),
        f"trials of {TASK}: a bet of 13.6 cannot end at -0.833333 a tick",
        id="lost_more_than_risked",
    ),
    pytest.param(
        changed("trials", 0, "row", 8, to=[121 * UNIT, 0, 0, 0, 0]),
        f"trials of {TASK}: a bet of 0.85 cannot end at 1.00833 a tick",
        id="won_more_than_there_is",
    ),
    pytest.param(
        changed("scorecards", 0, "calibration", 0, to=[-1, 0, 0]),
        f"scorecards of {TASK}: bins and levels: expected counts from 0 to "
        "9007199254740992",
        id="bin_below_0",
    ),
    pytest.param(
        changed("labelled", "weights", to=[1.0]),
        "labelled.weights: expected 2, one a row, got 1",
        id="too_few_weights",
    ),
    pytest.param(
        changed("labelled", "weights", to=[1.0] * 3),
        "labelled.weights: expected 2, one a row, got 3",
        id="too_many_weights",
    ),
    pytest.param(
        changed("labelled", "seen", 0, to={**SEEN, "sent_quiet": 60}),
        f"labelled.seen of {TASK}: expected no more sent than seen, got 1 of 1 events "
        "and 60 of 59 others",
        id="more_sent_than_seen",
    ),
]


@pytest.mark.parametrize(("document", "words"), UNLAWFUL)
def test_what_no_honest_host_sends_is_refused_with_the_law(document, words):
    assert refusal(document) == f"report 41: {words}"


def test_of_many_trials_the_first_that_is_wrong_is_named():
    wrong = {**EXAMPLE["trials"][0], "task": "swap-in"}
    wrong["row"] = [*ROW[:3], 0, *ROW[4:]]
    trials = [EXAMPLE["trials"][0], wrong, EXAMPLE["trials"][0]]
    assert refusal({**EXAMPLE, "trials": trials}) == (
        "report 41: trials of swap-in: no loss is above 1"
    )


def test_a_row_holds_what_its_bounds_allow_and_no_more():
    least, most = -(2**62), 2**62
    bets = (least, most, 0, 0, 0)
    row = FleetRow(HOST, 2**53, 2**53, most, least, most, least, bets, bets)
    assert msgspec.json.decode(msgspec.json.encode(row), type=FleetRow) == row
