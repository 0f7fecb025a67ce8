"""The whole loop, lived through on this very host: every step must prove itself."""

import json
import os
import signal
import subprocess
import sys

import psutil

LIMIT_S = 900
FOREWARN = (sys.executable, "-m", "agent")


def demo(*options):
    # At ten ticks a second nobody can look over each line's shoulder.
    watched = {key for key in os.environ if key.startswith("COVERAGE")}
    return subprocess.Popen(  # noqa: S603 - our own
        [*FOREWARN, "demo", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={key: value for key, value in os.environ.items() if key not in watched},
    )


def test_the_demo_ends_with_a_better_release_promoted(tmp_path):
    folder = tmp_path / "demo"
    process = demo("--json", "--keep", str(folder))
    try:
        output, words = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        raise
    assert process.returncode == 0, words.decode()
    proofs = json.loads(output)
    assert [proof["step"] for proof in proofs][-1] == (
        "let the better release earn its place"
    )
    history = subprocess.run(  # noqa: S603 - our own
        [*FOREWARN, "history", "--json", "--config", str(folder / "host/config.toml")],
        check=True,
        capture_output=True,
    )
    told = {
        (each["name"], each["fields"].get("version"))
        for each in json.loads(history.stdout)
    }
    assert ("release_rolled_back", 3) in told
    assert ("release_promoted", 4) in told


def test_a_demo_that_is_ended_leaves_nothing_running(tmp_path):
    process = demo("--plain", "--keep", str(tmp_path / "demo"))
    try:
        for line in iter(process.stderr.readline, b""):
            if b"enrol this host" in line:
                break
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode != 0
    started = [
        each
        for each in psutil.process_iter(["cmdline"])
        if str(tmp_path) in " ".join(each.info["cmdline"] or ())
    ]
    assert started == []


def test_a_folder_that_is_in_use_is_refused(tmp_path):
    (tmp_path / "mine").write_text("x")
    process = demo("--keep", str(tmp_path))
    _, words = process.communicate(timeout=60)
    assert process.returncode == 78
    assert b"expected an empty folder, or none yet" in words
