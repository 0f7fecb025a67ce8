"""A few seconds of the fuzzing that benchmarks/fuzz_models.py does for long."""

from benchmarks.fuzz_models import fuzz


def test_models_that_are_almost_fair_never_harm_the_parent(tmp_path):
    figures = fuzz(seed=3, cases=40, folder=tmp_path)
    assert figures.cases == 40
    assert sum(figures.rules.values()) + sum(figures.trials.values()) == 40
    assert figures.rules
    assert figures.trials["refused"]
    assert figures.trials["no reason"] == figures.trials["broke"] == 0
    assert list(tmp_path.glob("*.onnx")) == []


def test_the_same_seed_makes_the_same_models(tmp_path):
    first, again = (fuzz(seed=5, cases=8, folder=tmp_path) for _ in range(2))
    assert (first.rules, first.trials) == (again.rules, again.trials)
