"""The guard: what a daemon runs models under, so that it outlives them or says why not.

What ends the process is tried in a process.
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from agent.adapters.runtime import Guard, OnnxModels
from agent.adapters.runtime import models as models_module
from agent.adapters.runtime.mark import Mark, left_at
from agent.adapters.runtime.watch import Watch
from agent.core.manifest import parse_manifest
from agent.core.release import Release, ReleaseState
from agent.errors import AnswerError, ModelError, StateError
from tests.fakes import onnx_files
from tests.fakes.onnx_files import manifest_of, sha256
from tests.fakes.rogue_models import forever

ROOT = Path(__file__).resolve().parents[2]
DIGEST = "e" * 64
ROW = np.zeros((1, 2), np.float32)


class Desk:
    """A folder of models with a guard."""

    def __init__(self, folder, *, run_limit_s=5.0):
        self.folder, self.place = folder, folder / "running"
        self.watch = Watch(run_limit_s=run_limit_s)
        self.guard = Guard(mark=Mark(self.place), watch=self.watch)
        self.models = OnnxModels(folder, guard=self.guard)

    def load(self, document):
        (self.folder / f"{sha256(document)}.onnx").write_bytes(document)
        manifest = parse_manifest(manifest_of(document))
        return self.models.load(
            Release(digest=DIGEST, manifest=manifest, state=ReleaseState.SHADOW)
        )


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path, run_limit_s=0.2)
    with closing(made.guard):
        yield made


# The mark.


def test_a_mark_names_a_release_for_as_long_as_it_is_at_work(tmp_path):
    place = tmp_path / "running"
    with closing(Mark(place)) as mark:
        assert left_at(place) is None
        with mark.naming(DIGEST):
            assert left_at(place) == DIGEST
        assert left_at(place) is None
        with pytest.raises(ModelError), mark.naming(DIGEST):
            raise ModelError("boom")
        assert left_at(place) is None


def test_a_new_mark_wipes_what_was_left(tmp_path):
    place = tmp_path / "running"
    place.write_text(f"{DIGEST}\n")
    assert left_at(place) == DIGEST
    Mark(place).close()
    assert left_at(place) is None


@pytest.mark.parametrize("content", [b"", b"\0" * 65, b"e" * 63 + b"\n", b"\xff" * 65])
def test_what_names_no_release_is_no_mark(tmp_path, content):
    (tmp_path / "running").write_bytes(content)
    assert left_at(tmp_path / "running") is None


def test_where_no_file_is_there_is_no_mark(tmp_path):
    assert left_at(tmp_path / "running") is None
    os.mkfifo(tmp_path / "running")
    assert left_at(tmp_path / "running") is None


def test_a_mark_that_cannot_be_made_says_where(tmp_path):
    (tmp_path / "running").symlink_to("elsewhere")
    with pytest.raises(
        StateError, match=r"running: expected a file to write to: .*symbolic"
    ):
        Mark(tmp_path / "running")


def test_a_mark_that_cannot_be_written_keeps_nobody_from_working(tmp_path):
    with closing(Mark(tmp_path / "running")) as mark:
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, mark._file)
        os.close(full)
        with mark.naming(DIGEST):
            pass


def test_a_file_that_was_cut_short_is_written_again(tmp_path):
    place = tmp_path / "running"
    with closing(Mark(place)) as mark:
        os.truncate(place, 0)
        with mark.naming(DIGEST):
            assert left_at(place) == DIGEST


# The watch.


def test_a_guarded_model_answers_as_any_other_and_leaves_no_mark(desk):
    document = onnx_files.logistic()
    guarded = desk.load(document)
    plain = OnnxModels(desk.folder).load(
        Release(
            digest=DIGEST,
            manifest=parse_manifest(manifest_of(document)),
            state=ReleaseState.SHADOW,
        )
    )
    for _ in range(50):
        assert np.array_equal(guarded.score(ROW), plain.score(ROW))
    assert left_at(desk.place) is None
    assert not desk.watch.has_given_up


def test_a_guarded_model_tells_what_its_last_answer_took_of_the_processor(
    desk, monkeypatch
):
    model = desk.load(onnx_files.logistic())
    assert model.latency_ms == 0
    times = iter([1.0, 1.0075, 2.0, 2.001, 3.0, 9.0])
    monkeypatch.setattr(models_module.time, "thread_time", lambda: next(times))
    for took_ms in (7.5, 1.0):
        model.score(ROW)
        assert model.latency_ms == pytest.approx(took_ms)
    with pytest.raises(ModelError):
        model.score(np.zeros((1, 3), np.float32))
    assert model.latency_ms == pytest.approx(1.0)  # of the last one that was given


def test_time_that_goes_by_without_the_model_is_not_its_latency(desk):
    """A host that is busy with others is not the model's fault."""
    model = desk.load(onnx_files.logistic())
    score = model._model.score

    def waits(features):
        threading.Event().wait(0.3)
        return score(features)

    model._model.score = waits
    model.score(ROW)
    assert model.latency_ms < 100


def test_what_a_guarded_model_may_not_answer_is_told_as_such(desk):
    model = desk.load(onnx_files.constant(np.nan))
    with pytest.raises(AnswerError, match="got nan"):
        model.score(ROW)
    assert left_at(desk.place) is None


def test_a_run_that_does_not_end_is_ended_and_the_next_is_as_good(desk):
    hanging, good = desk.load(forever()), desk.load(onnx_files.logistic())
    with pytest.raises(ModelError, match=r"within 0\.2 s of processor time, terminate"):
        hanging.score(ROW)
    assert left_at(desk.place) is None
    assert good.score(ROW).tolist() == [[0.5]]


def test_a_model_that_was_ended_three_times_in_a_row_is_not_run_again(desk):
    model = desk.load(forever())
    for _ in range(3):
        with pytest.raises(ModelError, match="terminated"):
            model.score(ROW)
    runs = desk.watch._runs
    with pytest.raises(ModelError, match="ended 3 times in a row, not run again"):
        model.score(ROW)
    assert desk.watch._runs == runs


def test_a_model_that_raises_is_told_as_it_raises(desk):
    model = desk.load(onnx_files.logistic())
    with pytest.raises(ModelError, match="raised InvalidArgument"):
        model.score(np.zeros((1, 3), np.float32))
    assert left_at(desk.place) is None


def test_a_host_that_stands_still_is_not_taken_for_a_model_that_hangs(tmp_path):
    """Time goes by on the wall, and no processor time is used."""
    with closing(Watch(run_limit_s=0.1)) as watch:
        with watch.limited():
            threading.Event().wait(0.5)
        assert not watch.has_given_up
        assert not watch.run_options.terminate


def test_a_guard_that_is_closed_leaves_no_thread(tmp_path):
    before = threading.active_count()
    desk = Desk(tmp_path)
    assert threading.active_count() == before  # none before the first load
    desk.load(onnx_files.logistic())
    assert threading.active_count() == before + 1
    desk.guard.close()
    assert threading.active_count() == before


# The end of the process.

DYING = """
import sys
from pathlib import Path
from tests.contract.test_guard import *
from tests.fakes import rogue_models
desk = Desk(Path(sys.argv[1]))
desk.watch._kill_limit_s = 0.5
model = desk.load(getattr(rogue_models, sys.argv[2])())
print("loaded", flush=True)
model.score(ROW)
"""


@pytest.mark.parametrize(
    ("model", "told", "number"),
    [
        ("crash", "loaded\n", signal.SIGSEGV),
        ("huge_node", "loaded\n", signal.SIGPROF),
        ("huge_load", "", signal.SIGPROF),
    ],
)
def test_a_process_that_dies_of_a_model_leaves_its_name(tmp_path, model, told, number):
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", DYING, str(tmp_path), model],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (-number, told), done.stderr
    assert left_at(tmp_path / "running") == DIGEST
