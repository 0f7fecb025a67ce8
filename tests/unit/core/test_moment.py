"""The moment: who predicted what."""

from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from agent.core.moment import BASELINE, Moment, Prediction, Role, Thesis, Wager
from agent.core.recalibration import Calibration

AT = datetime(2026, 3, 4, tzinfo=UTC)


def moment(*predictions):
    return Moment(
        id=1,
        task="task",
        entity="",
        at=AT,
        due_at=AT,
        limit=0.9,
        origin=0.5,
        state=0,
        features=np.zeros(2, dtype=np.float32),
        predictions=predictions,
    )


def said(role, probability):
    return Prediction(role=role, digest=str(role), values=(probability,))


@pytest.mark.parametrize("role", Role)
def test_a_prediction_is_found_by_its_role(role):
    predictions = [said(each, place / 10) for place, each in enumerate(Role)]
    assert moment(*predictions).by(role) is predictions[list(Role).index(role)]


def test_who_did_not_predict_is_none():
    made = moment(said(Role.BASELINE, 0.1))
    assert made.by(Role.ACTIVE) is None
    assert moment().by(Role.BASELINE) is None


def test_the_baseline_has_a_name_of_its_own_in_place_of_a_digest():
    assert Role.BASELINE == BASELINE


def test_a_moment_nobody_staked_on_has_no_wager():
    assert moment().wagers == ()


@pytest.mark.parametrize("thesis", Thesis)
def test_a_wager_is_kept_without_its_names_and_comes_back_as_it_was(thesis):
    wager = Wager(thesis, Role.SHADOW, Role.BASELINE, tick=7, bets=5, parts=3)
    written = msgspec.json.encode((wager,))
    assert written == f'[["{thesis}","shadow","baseline",7,5,3]]'.encode()
    assert msgspec.json.decode(written, type=tuple[Wager, ...]) == (wager,)


def test_what_nobody_calibrated_is_what_the_model_said():
    made = said(Role.ACTIVE, 0.3)
    assert made.said == made.values == (0.3,)
    assert made.made_of((0.4,)) == (0.4,)


def test_a_calibrated_prediction_keeps_what_the_model_said():
    calibration = Calibration(said=0.5, a=1.0, b=0.4, outcomes=1)
    made = Prediction(
        role=Role.ACTIVE,
        digest="a",
        values=(calibration.answer,),
        calibration=calibration,
    )
    assert made.said == (0.5,)
    assert made.made_of((0.5,)) == made.values != (0.5,)
    assert made.made_of((0.9,)) > made.values
