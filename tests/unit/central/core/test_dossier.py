"""Dossier, card and succession: what is signed and told of a retrained release."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from central.config import Gate
from central.core.card import card_of
from central.core.decision import Alarms, threshold_of_cost
from central.core.dossier import Amount, Dossier, evaluation, provenance
from central.core.exam import BASELINE, CURRENT, RETRAINED, Paper, examined
from central.core.gate import Candidate, checks
from central.core.measure import EventMeasure
from central.core.platt import Line
from central.core.settings import Settings
from central.core.succession import successor
from tests.fakes.truth import truth
from tests.unit.central.core.test_kin import forebear

KNOWN = truth(release="a", moments=600)


def result(*, has_current=True, said=0.1, group="db"):
    rows = KNOWN.samples
    answers = {RETRAINED: KNOWN.probability[:, None]}
    if has_current:
        answers[CURRENT] = np.full((len(rows), 1), said)
    return examined(
        Paper(
            rows=rows,
            horizon_s=600.0,
            said=answers | {BASELINE: rows.baseline},
            group=np.full(len(rows), group),
        ),
        measure=EventMeasure(),
        is_event=True,
    )


def dossier(**changes):
    amount = Amount(rows=900, hosts=5, events=90)
    known = Dossier(
        task="cpu-busy",
        version=4,
        title="The processors will be busy",
        parent="b" * 64,
        current=3,
        made_at=datetime(2026, 11, 24, tzinfo=UTC),
        amounts=dict.fromkeys(("teach", "tune", "judge", "all"), amount),
        split="later time, other hosts",
        data_sha256="d" * 64,
        dropped=0,
        lightened=0,
        heaviest=9.0,
        settings=Settings(seed=5),
        trials=7,
        shift=-1.5,
        line=Line(slope=1.1, shift=0.2),
        threshold=threshold_of_cost(4),
        alarms=Alarms(precision=0.5, recall=None),
        difference=3e-7,
        rescored=True,
        loss_name="squared error (Brier)",
        result=result(),
    )
    return replace(known, **changes)


def card(known, **pictures):
    candidate = Candidate(result=known.result, size_bytes=1, latency_s=0.1)
    found = checks(candidate, bars=Gate())
    return card_of(known, checks=found, pictures=pictures).decode()


def test_the_provenance_says_what_taught_and_how_it_was_judged():
    found = provenance(dossier(), card="releases/cpu-busy/4/card.md")
    assert json.loads(json.dumps(found, allow_nan=False))["seed"] == 5
    assert (found["parent"], found["rows"], found["hosts"]) == ("b" * 64, 900, 5)
    assert found["trained_at"] == "2026-11-24T00:00:00Z"
    assert found["calibration"] == {"rate_shift": -1.5, "slope": 1.1, "shift": 0.2}
    assert found["evaluation"]["brier_skill"] == found["evaluation"]["skill"]
    assert found["evaluation"]["current_is_rescored"] is True
    assert set(found["evaluation"]["gains"]) == {CURRENT, BASELINE}


def test_of_a_value_no_brier_skill_is_told_and_of_no_current_release_nothing():
    known = dossier(
        settings=Settings(levels=(0.5,)), result=result(has_current=False), current=None
    )
    found = evaluation(known)
    assert "brier_skill" not in found
    assert "current_skill" not in found


def test_the_card_tells_rules_that_were_not_kept():
    text = card(dossier(), **{"scores.png": "What it says"})
    assert "| `max_latency` |" in text
    assert text.count("**NOT KEPT**") == 1
    assert "![What it says](scores.png)" in text
    assert "Current when it was made: version 3." in text
    assert "precision is 0.500 and its recall -" in text


def test_the_card_tells_what_it_does_not_know():
    amount = Amount(rows=9, hosts=1, events=None)
    known = dossier(
        current=None,
        rescored=False,
        split="later time, the same hosts: too few",
        threshold=None,
        alarms=None,
        settings=Settings(levels=(0.5,)),
        amounts=dict.fromkeys(("teach", "tune", "judge", "all"), amount),
    )
    text = card(known)
    assert "No other release was current." in text
    assert "could not be asked again" in text
    assert "not tried on hosts that it had not learnt from" in text
    assert "9 samples of one host" in text
    assert "An alarm is raised" not in text


def test_the_card_counts_what_was_left_out_and_what_weighed_too_much():
    text = card(dossier(dropped=3, lightened=2, heaviest=8.5))
    assert "no host can have seen what they say: 3." in text
    assert "are taken to stand for 8.5: 2." in text
    text = card(dossier())
    assert "Samples left out" not in text
    assert "are taken to stand for" not in text


def test_the_card_names_groups_where_nothing_happened():
    found = result()
    quiet = {"web": type(found.gain)(rows=5, events=0, gain=0.0, low=0.0, high=0.0)}
    known = dossier(result=type(found)(**{**_fields(found), "groups": quiet}))
    assert "Nothing happened on the judged hosts of: web." in card(known)


def test_of_a_value_the_card_counts_no_events():
    found = result()
    value = type(found)(**{**_fields(found), "events": None})
    assert "rows tell of events" not in card(dossier(result=value))


@pytest.mark.parametrize("signs", [None, [1, -1]])
def test_an_heir_takes_over_all_that_is_not_a_models_own(signs):
    provenance_ = {} if signs is None else {"signs": signs}
    own = {"limits": {"latency_ms": 3}, "calibration": "local"}
    of = forebear(1, provenance=provenance_, **own)
    text = successor(of, known=dossier(), teach=KNOWN.samples, card="card.md")
    found, before = json.loads(text), json.loads(of.document)
    kept = ("task", "title", "target", "features", "limits", "requires", *own)
    for key in kept:
        assert found[key] == before[key]
    assert found["version"] == 4
    assert "golden" not in found
    assert found["decision"] == {"threshold": 0.2, "clear": 0.14}
    assert found["model"]["output"] == "probability"
    assert found["reference"]["rows"] == len(KNOWN.samples)
    assert found["provenance"].get("signs") == signs


def test_a_values_heir_decides_nothing():
    known = dossier(threshold=None)
    text = successor(forebear(1), known=known, teach=KNOWN.samples, card="card.md")
    found = json.loads(text)
    assert "decision" not in found
    assert found["model"]["output"] == "quantiles"


def _fields(found):
    return {name: getattr(found, name) for name in found.__struct_fields__}
