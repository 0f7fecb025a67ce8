"""Central's folder as `init` leaves it, and a host that updates from it."""

import json
import shutil
from types import SimpleNamespace

from agent.cli import main as forewarn
from central.cli import main as forewarn_central
from central.core.profile import Profile, policy_of
from central.flows.found import found
from central.wiring.repository import founding
from tests.fakes.onnx_files import logistic, manifest_of

TASK = "cpu-busy"
MODELS = [logistic([weight, -1]) for weight in (1, 2, 3, 4)]
ONE_KEY = dict.fromkeys(("root", "targets", "release", "approve"), (1, 1))


class Fleet:
    """Central's folder, a place to write drafts to, and one host.

    Args:
        folder: An empty one.
        capsys: What catches what the commands print; None: nobody reads it.
        counts: Keys and threshold, by kind of role.
        now: When it is founded; None: now.
        like: A fleet whose folder is copied; None: one that published nothing yet.
    """

    def __init__(self, folder, capsys=None, *, counts=None, now=None, like=None):
        self.central = folder / "central"
        self.repository = self.central / "repository"
        self.drafts = folder / "drafts"
        self.drafts.mkdir()
        self._state = folder / "state"
        self._config = folder / "config.toml"
        self._capsys = capsys
        if like is not None:
            shutil.copytree(like.central, self.central)
            return
        policy = policy_of(Profile.CONNECTED, counts=ONE_KEY | (counts or {}))
        with founding(self.central, policy=policy, now=now) as desk:
            found(desk, keyring=desk.keyring, policy=policy, tasks=[TASK])

    def run(self, *arguments):
        """Run one of central's commands; return its status, stdout and stderr."""
        return self._caught(forewarn_central, arguments)

    def on_desk(self, name, *arguments):
        """Run one of central's commands with `--dir`."""
        return self.run(name, *arguments, "--dir", self.central)

    def publish(self, model=MODELS[0], /, *options, **changes):
        """Publish a model with the manifest that fits it; None is a survey."""
        paper = self.drafts / "manifest.json"
        paper.write_bytes(manifest_of(model, **changes))
        arguments = ["--manifest", paper, *options]
        if model is not None:
            path = self.drafts / "model.onnx"
            path.write_bytes(model)
            arguments.insert(0, path)
        return self.on_desk("publish", *arguments)

    def publish_all(self, count):
        """Publish versions 1 to `count`, each with a model of its own."""
        for version, model in enumerate(MODELS[:count], 1):
            assert self.publish(model, version=version).status == 0

    def document(self, *arguments, status=0):
        """Return what one of central's commands prints with --json."""
        done = self.on_desk(*arguments, "--json")
        assert done.status == status, done
        return json.loads(done.out)

    def target(self, path):
        """Return the newest file of a target, whatever its hash."""
        place = self.repository / "targets" / path
        files = place.parent.glob(f"*.{place.name}")
        return max(files, key=lambda file: file.stat().st_mtime_ns)

    def update_host(self):
        """Let a host update, by its own command; return what came of it."""
        root = self.repository / "metadata" / "1.root.json"
        self._config.write_text(
            f'[central]\nurl = "{self.repository}"\ntrust_root = "{root}"\n'
        )
        return self._on_host("update")

    def host_releases(self):
        """Return the state of each release that the host took in, by version."""
        done = self._on_host("releases")
        return {each["version"]: each["state"] for each in json.loads(done.out)}

    def _on_host(self, name):
        options = ["--config", self._config, "--state-dir", self._state, "--json"]
        return self._caught(forewarn, [name, *options])

    def _caught(self, main, arguments):
        status = main(list(map(str, arguments)))
        out, err = self._capsys.readouterr() if self._capsys else ("", "")
        return SimpleNamespace(status=status, out=out, err=err)
