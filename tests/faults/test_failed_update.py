"""An error at any write of an update: the line-up is the old one or the new one."""

import pytest

from agent.core.lineup import LineUp
from agent.errors import StateError
from tests.fakes.bench import SECOND, Bench
from tests.fakes.onnx_files import manifest_of, sha256


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.registry.close()


class FailingRegistry:
    """The registry, of which the n-th write fails as on a full disk."""

    def __init__(self, registry, *, after_writes):
        self._registry = registry
        self._left = after_writes

    def __getattr__(self, name):
        method = getattr(self._registry, name)
        if name not in {"admit", "set_state", "set_lineup", "record"}:
            return method

        def write(*given, **named):
            self._left -= 1
            if self._left < 0:
                raise StateError("disk full")
            return method(*given, **named)

        return write


@pytest.mark.parametrize("after_writes", range(7))
def test_an_error_at_any_write_leaves_the_old_or_the_new_lineup(bench, after_writes):
    bench.publish()
    bench.update()
    bench.publish(SECOND, version=2)
    old = bench.registry.lineups()
    real, bench.registry = (
        bench.registry,
        FailingRegistry(bench.registry, after_writes=after_writes),
    )
    is_done = True
    try:
        bench.update()
    except StateError:
        is_done = False
    bench.registry = real
    second = sha256(manifest_of(SECOND, task="cpu-busy", version=2))
    new = (LineUp(task="cpu-busy", active=bench.digest(), shadow=second),)
    assert bench.registry.lineups() in (old, new)
    assert is_done == (after_writes >= 5)
    bench.update()
    assert bench.registry.lineups() == new
