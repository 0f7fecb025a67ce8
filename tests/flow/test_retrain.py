"""Retraining: from samples whose truth is known to a signed release, or a refusal."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest

pytest.importorskip("lightgbm", reason="lightgbm is not installed")
pytest.importorskip("matplotlib", reason="matplotlib is not installed")

from dataclasses import replace

from agent.core.manifest import parse_manifest
from agent.errors import ConfigError, ModelError
from central.adapters.folder import FolderOfReleases
from central.adapters.plots import Plots
from central.adapters.qualifier import AgentQualifier
from central.adapters.scorer import ChildScorer
from central.adapters.trees import OnnxTrees, TreeLearner
from central.config import Gate
from central.core.draft import Judgement, ModelFacts, Standing
from central.core.exam import BASELINE, CURRENT
from central.core.skill import average_precision
from central.flows.publish import publish
from central.flows.retrain import (
    GateRefused,
    NotYet,
    Order,
    Retrained,
    RetrainPorts,
    retrain,
)
from central.wiring.repository import looked_at, opened
from tests.fakes.fleet import MODELS, TASK, Fleet
from tests.fakes.onnx_files import SERIES, sha256
from tests.fakes.truth import FixedDataset, FixedHosts, truth

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
VALUE = {"kind": "value", "expression": f"avg_over_time({SERIES}[5m])", "ahead": "10m"}
# A few judged rows show little: what is tested here is not how much.
BARS = {
    "min_rows": 100,
    "min_gain": -1.0,
    "min_baseline_gain": -1.0,
    "max_latency": 1.0,
}
ORDER = Order(bars=Gate(**BARS), trials=2)


class QuickQualifier:
    """An agent that takes every model, at once."""

    def __init__(self, *reasons):
        self.reasons = reasons

    def judgement(self, model, *, manifest=None):
        document = model.read_bytes()
        return Judgement(
            standing=Standing.REFUSED if self.reasons else Standing.QUALIFIED,
            reasons=self.reasons,
            facts=ModelFacts(
                sha256=sha256(document), length=len(document), opset=13, ir=7
            ),
            latency_ms=0.1,
            memory_mb=1.0,
        )


class EmptyGallery:
    """Draws nothing: a card's pictures take longer than its model."""

    def pictures(self, paper, *, weights, threshold):
        return {}


class Plant:
    """A central with a survey published, and what retraining needs."""

    def __init__(self, folder, *, manifest=None, model=None):
        self.fleet = Fleet(folder)
        self.out = folder / "releases"
        assert self.fleet.publish(model, **(manifest or {})).status == 0
        self.digest = sha256(self.paper(1))
        self.told = []
        self.hosts = FixedHosts({})
        self.qualifier = QuickQualifier()
        self.learner = TreeLearner()
        self.scorer = ChildScorer()
        self.gallery = EmptyGallery()

    def paper(self, version):
        return self.fleet.target(f"models/{TASK}/{version}/manifest.json").read_bytes()

    def file(self, name, *, version=2):
        return (self.out / TASK / str(version) / name).read_bytes()

    def retrain(self, *samples, order=ORDER):
        ports = RetrainPorts(
            shelf=looked_at(self.fleet.central),
            dataset=FixedDataset(*samples),
            fleet=self.hosts,
            scout=TreeLearner(),
            learner=self.learner,
            scorer=self.scorer,
            qualifier=self.qualifier,
            gallery=self.gallery,
            folder=FolderOfReleases(self.out),
            scratch=self._scratch,
            publish=self._publish,
            elapsed_s=lambda: 0.0,
            tell=self.told.append,
        )
        return retrain(ports, task=TASK, order=order, now=NOW)

    def versions(self):
        places = (self.fleet.repository / "targets/models" / TASK).iterdir()
        return sorted(int(place.name) for place in places)

    @contextmanager
    def _scratch(self, content):
        path = self.fleet.drafts / "tried.onnx"
        path.write_bytes(content)
        yield path
        path.unlink()

    def _publish(self, ready, evidence):
        with opened(self.fleet.central) as desk:
            return publish(desk, ready)


@pytest.fixture
def plant(tmp_path):
    return Plant(tmp_path)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Return what came of a survey's first retraining, on a truth that is known."""
    plant = Plant(tmp_path_factory.mktemp("plant"))
    known = truth(release=plant.digest)
    plant.qualifier, plant.gallery = AgentQualifier(), Plots()
    roles = {f"host-{n:03}": {"role": "db" if n % 2 else "web"} for n in range(8)}
    plant.hosts = FixedHosts(roles)
    return SimpleNamespace(plant=plant, known=known, found=plant.retrain(known.samples))


def fresh(**changes):
    """Return moments that nobody has seen, every one of them."""
    return truth(release="f" * 64, hosts=4, seed=77, sent=1.0, **changes)


def test_a_surveys_samples_become_its_first_model(done):
    assert isinstance(done.found, Retrained), done.found
    assert (done.found.version, done.plant.versions()) == (2, [1, 2])
    manifest = parse_manifest(done.plant.paper(2))
    before = parse_manifest(done.plant.paper(1))
    assert done.found.digest == sha256(done.plant.paper(2))
    assert manifest.model.sha256 == sha256(done.plant.file("model.onnx"))
    assert (manifest.features, manifest.target) == (before.features, before.target)
    assert manifest.provenance["parent"] == done.plant.digest
    assert manifest.provenance["split"] == "later time, other hosts"
    assert manifest.provenance["card"] == f"releases/{TASK}/2/card.md"
    assert len(manifest.reference.quantiles) == 2
    assert manifest.golden


def test_an_agent_takes_what_was_retrained_once_it_is_approved(done):
    fleet = done.plant.fleet
    assert fleet.on_desk("approve", TASK, "2").status == 0
    assert fleet.on_desk("verify").status == 0


def test_probabilities_are_those_of_the_truth_though_half_of_what_taught_were_events(
    done,
):
    moments = fresh()
    said = OnnxTrees(document=done.plant.file("model.onnx")).score(
        moments.samples.features
    )
    true = moments.probability
    assert done.known.samples.label.mean() == pytest.approx(0.35, abs=0.15)
    assert said.mean() == pytest.approx(true.mean(), rel=0.15)
    for low, high in ((0, 0.05), (0.05, 0.3), (0.3, 1)):
        among = (true >= low) & (true < high)
        assert said[among].mean() == pytest.approx(true[among].mean(), rel=0.25)


def test_the_ranking_is_nearly_the_oracles(done):
    moments = fresh()
    said = OnnxTrees(document=done.plant.file("model.onnx")).score(
        moments.samples.features
    )
    happened = moments.samples.label > 0
    best = average_precision(moments.probability, happened)
    assert average_precision(said, happened) > 0.93 * best


def test_what_was_judged_is_what_stands_for_all_moments(done):
    result = done.found.result
    own = result.own
    assert result.reference == BASELINE
    assert own.skill > 0.2
    assert own.calibration_error < 0.02
    assert result.marks[BASELINE].skill == pytest.approx(0, abs=0.02)
    assert set(result.groups) <= {"db", "web"}
    assert all(check.is_kept for check in done.found.checks)


def test_the_card_shows_the_gate_and_its_pictures_are_there(done):
    card = done.plant.file("card.md").decode()
    folder = done.plant.out / TASK / "2"
    assert "| `min_skill` |" in card
    assert "NOT KEPT" not in card
    for name in ("reliability", "precision-recall", "scores", "features"):
        assert f"({name}.png)" in card
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_samples_and_seed_make_the_same_bytes(tmp_path):
    plants = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        plant = Plant(folder)
        plant.gallery = Plots()
        samples = truth(release=plant.digest, moments=1500).samples
        order = np.random.default_rng(len(plants)).permutation(len(samples))
        shuffled = samples.where(order)
        plant.retrain(
            shuffled.where(np.argsort(shuffled.at, kind="stable")),
            order=replace(ORDER, is_dry=True),
        )
        plants.append(plant)
    one, two = plants
    for name in ("model.onnx", "manifest.json", "card.md", "reliability.png"):
        assert one.file(name) == two.file(name)
    assert one.versions() == [1]


def test_the_current_release_is_asked_again_on_the_very_rows(tmp_path):
    plant = Plant(tmp_path, model=MODELS[0], manifest={"missing": "skip"})
    found = plant.retrain(truth(release=plant.digest).samples)
    assert found.result.reference == CURRENT
    assert found.result.marks[CURRENT].rows == found.result.rows
    assert found.result.gain.low > 0


def test_answers_of_older_releases_are_not_judged_as_the_current_ones(plant):
    assert (
        plant.fleet.publish(
            MODELS[0],
            version=2,
            features=[f"max_over_time({SERIES}[{n}m])" for n in "12"],
        ).status
        == 0
    )
    known = truth(release=plant.digest, active=lambda f: np.full((len(f), 1), 0.03))
    found = plant.retrain(known.samples)
    assert found.version == 3
    assert found.result.marks[CURRENT].rows == 0
    assert found.result.reference == BASELINE
    assert "other features" in plant.file("card.md", version=3).decode()


class MuteScorer(ChildScorer):
    """A child in which the current release fails, and no other."""

    def scores(self, model, *, manifest, inputs):
        if manifest.version == 1:
            raise ModelError("it fails")
        return super().scores(model, manifest=manifest, inputs=inputs)


def test_of_a_current_release_that_fails_counts_what_it_is_known_to_have_said(
    tmp_path,
):
    plant = Plant(tmp_path, model=MODELS[0], manifest={"missing": "skip"})
    plant.scorer = MuteScorer()
    known = truth(
        release=plant.digest,
        moments=1500,
        active=lambda f: np.full((len(f), 1), 0.03),
    )
    found = plant.retrain(known.samples, order=replace(ORDER, trials=1))
    assert found.result.reference == CURRENT
    assert found.result.marks[CURRENT].rows == found.result.rows


def test_a_revoked_release_is_no_reference(tmp_path):
    plant = Plant(tmp_path, model=MODELS[0], manifest={"missing": "skip"})
    assert plant.fleet.on_desk("approve", TASK, 1).status == 0
    assert plant.fleet.on_desk("withdraw", TASK, 1).status == 0
    known = truth(release=plant.digest, moments=1500)
    found = plant.retrain(known.samples, order=replace(ORDER, trials=1))
    assert found.result.reference == BASELINE
    assert CURRENT not in found.result.marks
    assert "No other release was current" in plant.file("card.md").decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [("weight", 1e9), ("weight", 1e300), ("label", 7.0), ("label", 1e200)],
)
def test_one_row_of_one_host_does_not_stop_it(name, value, plant):
    known = truth(release=plant.digest, moments=1500).samples
    getattr(known, name)[100] = value
    found = plant.retrain(known, order=replace(ORDER, trials=1))
    assert isinstance(found, Retrained), found
    assert found.result.own.skill > 0.1
    words = "taken to stand for" if name == "weight" else "can have seen"
    assert words in plant.file("card.md").decode()


def test_fewer_judged_host_days_than_the_gate_wants_are_too_few(tmp_path):
    target = {"kind": "event", "series": SERIES, "condition": "> 0.9", "within": "1d"}
    plant = Plant(tmp_path, manifest={"target": target})
    known = truth(release=plant.digest, hosts=1, moments=6000).samples
    found = plant.retrain(known, order=replace(ORDER, trials=1))
    assert isinstance(found, NotYet)
    assert found.reasons[0].endswith("(min_blocks)")


def test_no_samples_are_too_few(plant):
    samples = truth(release="e" * 64, moments=500).samples
    found = plant.retrain(samples)
    assert isinstance(found, NotYet)
    assert found.reasons == (
        (
            "samples: expected some of what happened and of what did not, early and "
            "late, got 0, 0 of them events"
        ),
    )


def test_samples_without_an_event_are_too_few(plant):
    known = truth(release=plant.digest, rate=-30.0, moments=500).samples
    assert isinstance(plant.retrain(known), NotYet)


def test_fewer_judged_events_than_the_gate_wants_are_too_few(plant):
    known = truth(release=plant.digest, moments=1500).samples
    order = replace(ORDER, bars=Gate(min_rows=100, min_events=10_000))
    found = plant.retrain(known, order=order)
    assert isinstance(found, NotYet)
    assert "events among them: expected at least 10000, got " in found.reasons[0]
    assert plant.told == ["reading samples"]


@pytest.mark.parametrize(
    ("bars", "rule"),
    [
        ({"min_skill": 0.99}, "min_skill"),
        ({"min_gain": 0.99}, "min_gain"),
        ({"min_baseline_gain": 0.99}, "min_baseline_gain"),
        ({"max_calibration_error": 0.0}, "max_calibration_error"),
        ({"max_size": 10}, "max_size"),
        ({"max_latency": 1e-9}, "max_latency"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_name_and_nothing_is_signed(bars, rule, plant):
    known = truth(release=plant.digest, moments=1500).samples
    order = replace(ORDER, trials=1, bars=Gate(**BARS | bars))
    found = plant.retrain(known, order=order)
    assert isinstance(found, GateRefused)
    assert [c.rule for c in found.checks if not c.is_kept] == [rule]
    assert rule in found.reasons[0]
    assert plant.versions() == [1]
    assert "NOT KEPT" in plant.file("card.md").decode()


def test_what_no_agent_takes_is_refused_with_its_reasons(plant):
    plant.qualifier = QuickQualifier("the model is too clever")
    known = truth(release=plant.digest, moments=1500).samples
    found = plant.retrain(known, order=replace(ORDER, trials=1))
    assert isinstance(found, GateRefused)
    assert any("the model is too clever" in reason for reason in found.reasons)


def test_a_dry_run_signs_nothing(plant):
    known = truth(release=plant.digest, moments=1500).samples
    found = plant.retrain(known, order=replace(ORDER, trials=1, is_dry=True))
    assert isinstance(found, Retrained)
    assert found.publication is None
    assert plant.versions() == [1]
    assert sha256(plant.file("manifest.json")) == found.digest


def test_a_file_that_answers_otherwise_than_the_trees_is_refused(plant):
    class Bent:
        """Learns, and writes a model that was never learnt."""

        def learn(self, *arguments, **options):
            learnt = TreeLearner().learn(*arguments, **options)
            return SimpleNamespace(
                raw=learnt.raw,
                model=lambda *, slope, shift: learnt.model(
                    slope=slope, shift=shift + 1
                ),
            )

    plant.learner = Bent()
    known = truth(release=plant.digest, moments=1500).samples
    with pytest.raises(ModelError, match=r"expected the ONNX file to answer within"):
        plant.retrain(known, order=replace(ORDER, trials=1))
    assert plant.versions() == [1]


def test_gaps_are_learnt_and_answered(plant):
    known = truth(release=plant.digest, gaps=0.3, moments=1500).samples
    found = plant.retrain(known, order=replace(ORDER, trials=1))
    assert isinstance(found, Retrained), found
    gap = np.array([[1.0, np.nan]], dtype=np.float32)
    assert 0 < OnnxTrees(document=plant.file("model.onnx")).score(gap)[0] < 1


def test_one_host_is_tested_on_a_later_time_and_the_card_says_so(plant):
    known = truth(release=plant.digest, hosts=1, moments=12_000).samples
    found = plant.retrain(known, order=replace(ORDER, trials=1))
    assert isinstance(found, Retrained), found
    split = json.loads(plant.file("manifest.json"))["provenance"]["split"]
    assert split.startswith("later time, the same hosts: too few hosts have events")
    assert "not tried on hosts" in plant.file("card.md").decode()


def test_a_stated_cost_sets_the_threshold(plant):
    known = truth(release=plant.digest, moments=1500).samples
    plant.retrain(known, order=replace(ORDER, trials=1, false_alarms=4.0))
    decision = parse_manifest(plant.file("manifest.json")).decision
    assert (decision.threshold, decision.clear) == (0.2, 0.14)


def test_a_value_is_forecast_by_quantiles_in_rising_order(tmp_path):
    target = {**VALUE, "quantiles": [0.1, 0.5, 0.9]}
    plant = Plant(tmp_path, manifest={"target": target})
    plant.gallery = Plots()
    known = truth(release=plant.digest, moments=1500)
    rng = np.random.default_rng(3)
    width = np.exp(known.samples.features[:, 1] / 4)
    came = known.samples.features[:, 0] + width * rng.normal(size=len(width))
    usual = np.quantile(came, [0.1, 0.5, 0.9])
    samples = replace(
        known.samples,
        label=came.astype(np.float64),
        baseline=np.tile(usual, (len(came), 1)),
        active=np.full((len(came), 3), np.nan),
    )
    bars = Gate(**BARS, max_calibration_error=0.1)
    found = plant.retrain(samples, order=replace(ORDER, bars=bars))
    assert isinstance(found, Retrained), found
    manifest = parse_manifest(plant.paper(2))
    assert (manifest.decision, manifest.model.output) == (None, "quantiles")
    session = onnxruntime.InferenceSession(plant.file("model.onnx"))
    (said,) = session.run(["quantiles"], {"features": samples.features[:500]})
    assert (np.diff(said, axis=1) >= 0).all()
    assert found.result.own.skill > 0.1
    assert "quantiles.png" in plant.file("card.md").decode()


def test_a_task_of_which_nothing_was_published_is_told_how_to_begin(tmp_path, plant):
    (tmp_path / "other").mkdir()
    plant.fleet = Fleet(tmp_path / "other")
    known = truth(release=plant.digest, moments=500).samples
    with pytest.raises(ConfigError, match="expected a published manifest, got none"):
        plant.retrain(known)
