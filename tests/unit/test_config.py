import os
import re
import string
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import (
    Address,
    Config,
    Duration,
    Listen,
    SecretReference,
    SecretSource,
    SharingLevel,
    Size,
    check,
    load,
    toml_text,
)
from agent.config import files as config_files
from agent.config.laws import laws
from agent.config.load import Loaded
from agent.config.tables import KINDS
from agent.errors import ConfigError

CONTRACT = """
[agent]
state_dir = "/var/lib/forewarn"
interval  = "10s"
labels    = { role = "db" }

[central]
url         = "https://central.example"
trust_root  = "/etc/forewarn/root.json"
token       = { credential = "central-token" }
ca_file = "/etc/ssl/ca.pem"; client_cert = "/c.pem"; client_key = "/k.pem"
proxy = "http://proxy.example:3128"; no_proxy = ["db.example", "10.0.0.0/8"]
update_every = "15m"; report_every = "1h"

[trust]
provenance_key = "/etc/forewarn/provenance.pem"
[sharing]
level = "summaries"; labelled_bytes_per_day = "2MB"; host_name = false
[tasks]
allow = ["*"]; deny = []
[guard]
alpha = 0.001; margin = 0.10; block = "20m"; min_blocks = 6; promotion = 20
judge_for = "1d"; episodes = 5; false_alarms = 20; strict = false
[store]
max_size = "256MB"; keep = "30d"; commit_every = "60s"
[spool]
max_size = "64MB"; max_age = "30d"; when_full = "drop-oldest"
[limits]
cpu_percent = 2; memory = "160MB"
[alerts]
enabled = true
[endpoint]
listen = "127.0.0.1:9469"
[collect]
exclude_mountpoints = "^/snap"
exclude_devices = ["^loop", "^ram"]
temperature = true; process_status = false
""".replace("; ", "\n")

UNIT = "a number and a unit"
TIMES = f"{UNIT} (ms, s, m, h, d) such as"
SIZES = f"{UNIT} (B, kB, KB, MB, GB, KiB, MiB, GiB) such as"
URL = "an https://, http:// or file:/// address, or a path (/... or ./...)"
REFERENCE = (
    'expected exactly one of { credential = "NAME" }, { file = "PATH" } and '
    '{ env = "NAME" }; a secret never stands in the configuration'
)

GUARD_KEYS = (
    "alpha, margin, block, min_blocks, promotion, judge_for, episodes, "
    "false_alarms, strict"
)

BAD = [
    # --- keys that do not exist
    (
        '[agent]\nintervall = "10s"',
        ':2: key "agent.intervall": no such key; did you mean "interval"?',
    ),
    ("[agnet]", ':1: key "agnet": no such key; did you mean "agent"?'),
    (
        'interval = "10s"',
        ':1: key "interval": no such key; did you mean "agent.interval"?',
    ),
    (
        '[limits]\nmax_size = "4MB"',
        ':2: key "limits.max_size": no such key; did you mean "store.max_size"?',
    ),
    (
        "[guard]\nzzz = 1",
        f':2: key "guard.zzz": no such key; expected one of {GUARD_KEYS}',
    ),
    (
        '[guard]\n"two\\nlines" = 1',
        f': key "guard.two\\nlines": no such key; expected one of {GUARD_KEYS}',
    ),
    ("agent = 3", ':1: key "agent": expected a table, [agent]'),
    # --- values that cannot be understood
    (
        '[agent]\ninterval = "10"',
        f':2: agent.interval: expected {TIMES} "10s", got "10"',
    ),
    (
        "[agent]\ninterval = 10",
        ':2: agent.interval: expected a string with a unit such as "10s", got 10',
    ),
    (
        '[store]\nmax_size = "1 stone"',
        f':2: store.max_size: expected {SIZES} "256MB", got "1 stone"',
    ),
    (
        "[store]\nmax_size = 1",
        ':2: store.max_size: expected a string with a unit such as "256MB", got 1',
    ),
    ("[agent]\nstate_dir = 1", ":2: agent.state_dir: expected a path, got 1"),
    ('[agent]\nstate_dir = ""', ':2: agent.state_dir: expected a path, got ""'),
    (
        '[agent]\nstate_dir = "~nobody-of-this-name/x"',
        (
            ":2: agent.state_dir: expected a path in the home folder of somebody, "
            'got "~nobody-of-this-name/x"'
        ),
    ),
    ("[agent]\nlabels = 1", ":2: agent.labels: expected a table of strings, got 1"),
    (
        "[agent.labels]\nrole = 1979-05-27",
        ":2: agent.labels.role: expected a string, got 1979-05-27",
    ),
    (
        '[alerts]\nenabled = "yes"',
        ':2: alerts.enabled: expected true or false, got "yes"',
    ),
    ("[guard]\nalpha = true", ":2: guard.alpha: expected a number, got true"),
    (
        "[guard]\nmin_blocks = 1.5",
        ":2: guard.min_blocks: expected a whole number, got 1.5",
    ),
    (
        "[guard]\nepisodes = []",
        ":2: guard.episodes: expected a whole number, got []",
    ),
    ("[guard]\nstrict = 1", ":2: guard.strict: expected true or false, got 1"),
    (
        '[tasks]\nallow = "disk"',
        ':2: tasks.allow: expected a list of strings, got "disk"',
    ),
    (
        '[tasks]\nallow = ["disk", { a = 1 }]',
        ':2: tasks.allow: expected a list of strings, got ["disk", { a = 1 }]',
    ),
    (
        f"[tasks]\nallow = [{'1, ' * 99}]",
        (
            ":2: tasks.allow: expected a list of strings, "
            f"got {('[' + '1, ' * 99)[:80]}..."
        ),
    ),
    (
        '[sharing]\nlevel = "all"',
        ':2: sharing.level: expected one of nothing, summaries, samples, got "all"',
    ),
    (
        '[endpoint]\nlisten = "localhost"',
        (
            ":2: endpoint.listen: expected HOST:PORT such as "
            '"127.0.0.1:9469", got "localhost"'
        ),
    ),
    (
        '[endpoint]\nlisten = "localhost:65536"',
        (
            ":2: endpoint.listen: expected HOST:PORT such as "
            '"127.0.0.1:9469", got "localhost:65536"'
        ),
    ),
    (
        '[collect]\nexclude_devices = ["sd", "("]',
        (
            ':2: collect.exclude_devices: expected a regular expression, got "(" '
            "(missing ), unterminated subpattern at position 0)"
        ),
    ),
    (
        "[collect]\nexclude_devices = 1",
        (
            ":2: collect.exclude_devices: expected a regular expression or a list of "
            "them, got 1"
        ),
    ),
    # --- addresses
    ("[central]\nurl = 1", f":2: central.url: expected {URL}, got 1"),
    (
        '[central]\nurl = "central.example"',
        f':2: central.url: expected {URL}, got "central.example"',
    ),
    (
        '[central]\nurl = "ftp://c.example"',
        f':2: central.url: expected {URL}, got "ftp://c.example"',
    ),
    (
        '[central]\nurl = "https://c.example:port"',
        f':2: central.url: expected {URL}, got "https://c.example:port"',
    ),
    ('[central]\nurl = "https://"', f':2: central.url: expected {URL}, got "https://"'),
    (
        '[central]\nurl = "http://[::1"',
        f':2: central.url: expected {URL}, got "http://[::1"',
    ),
    (
        '[central]\nproxy = "/tmp/p"',
        ':2: central.proxy: expected an http:// or https:// address, got "/tmp/p"',
    ),
    *(
        (
            f'[central]\nno_proxy = ["db.example", "{entry}"]',
            (
                ":2: central.no_proxy: expected hosts, .domains, address blocks or *, "
                f'without scheme and port, got ["db.example", "{entry}"]'
            ),
        )
        for entry in ("http://db.example", "db.example:8443", "a b", "", "10.0.0.0/33")
    ),
    # --- laws
    (
        f'[agent.labels]\n{"x" * 101} = "db"',
        (
            f":2: agent.labels.{'x' * 101}: expected a name of at most 100 characters, "
            'got "db"'
        ),
    ),
    (
        f'[agent.labels]\nrole = "{"y" * 501}"',
        (
            ":2: agent.labels.role: expected a value of at most 500 characters, "
            f'got "{"y" * 501}"'
        ),
    ),
    (
        "[agent.labels]\n" + "\n".join(f'l{n} = "db"' for n in range(65)),
        ':66: agent.labels.l64: expected at most 64 labels in all, got "db"',
    ),
    (
        '[agent]\ninterval = "19ms"',
        ':2: agent.interval: expected 20ms to 10m, got "19ms"',
    ),
    (
        '[agent]\ninterval = "11m"',
        ':2: agent.interval: expected 20ms to 10m, got "11m"',
    ),
    (
        '[central]\nupdate_every = "0s"',
        ':2: central.update_every: expected 1s to 30d, got "0s"',
    ),
    (
        '[central]\nreport_every = "31d"',
        ':2: central.report_every: expected 1s to 30d, got "31d"',
    ),
    (
        '[central]\nclient_cert = "/c.pem"',
        ':2: central.client_cert: expected client_key beside it, got "/c.pem"',
    ),
    (
        '[central]\nclient_key = "/k.pem"',
        ':2: central.client_key: expected client_cert beside it, got "/k.pem"',
    ),
    (
        "[guard]\nalpha = 1",
        ":2: guard.alpha: expected 1e-9 to below 1, got 1.0",
    ),
    (
        "[guard]\nalpha = nan",
        ":2: guard.alpha: expected 1e-9 to below 1, got nan",
    ),
    *(
        (
            f"[guard]\nmargin = {margin}",
            f":2: guard.margin: expected 0 to 10, got {margin}",
        )
        for margin in ("-0.1", "nan", "inf", "-inf")
    ),
    *(
        (
            f"[guard]\nfalse_alarms = {cost}",
            f":2: guard.false_alarms: expected a number of at least 1, got {cost}",
        )
        for cost in ("0.0", "0.9", "nan", "inf", "-inf")
    ),
    *(
        (
            f"[guard]\npromotion = {evidence}",
            f":2: guard.promotion: expected a number above 1, got {evidence}",
        )
        for evidence in ("1.0", "nan", "inf")
    ),
    *(
        (
            f"[guard]\n{key} = -1",
            f":2: guard.{key}: expected at least 0, got -1",
        )
        for key in ("min_blocks", "episodes")
    ),
    *(
        (
            f'[guard]\nblock = "{block}"',
            f':2: guard.block: expected 1s to 30d, got "{block}"',
        )
        for block in ("0s", "999ms", "31d")
    ),
    (
        '[guard]\njudge_for = "366d"',
        ':2: guard.judge_for: expected 0s to 365d, got "366d"',
    ),
    (
        '[store]\nmax_size = "3MB"',
        ':2: store.max_size: expected at least 4MB, got "3MB"',
    ),
    ('[store]\nkeep = "23h"', ':2: store.keep: expected 1d to 3650d, got "23h"'),
    (
        '[store]\ncommit_every = "9s"',
        (
            ":2: store.commit_every: expected 0s (every tick) or at least "
            'agent.interval (10s), got "9s"'
        ),
    ),
    (
        '[store]\ncommit_every = "25h"',
        ':2: store.commit_every: expected 0s to 1d, got "25h"',
    ),
    (
        '[spool]\nmax_size = "1kB"',
        ':2: spool.max_size: expected at least 1MB, got "1kB"',
    ),
    ('[spool]\nmax_age = "1s"', ':2: spool.max_age: expected 1h to 3650d, got "1s"'),
    (
        "[limits]\ncpu_percent = 0",
        ":2: limits.cpu_percent: expected above 0, to 100, got 0.0",
    ),
    (
        '[limits]\nmemory = "1MB"',
        ':2: limits.memory: expected at least 64MB, got "1MB"',
    ),
    # --- no TOML
    (
        "[agent]\n\ninterval",
        ":3: not TOML: Expected '=' after a key in a key/value pair",
    ),
    (
        '[agent]\ninterval = "1s"\ninterval = "2s"',
        ":3: not TOML: Cannot overwrite a value",
    ),
]

SECRETS = [
    'token = "hunter2"',
    "token = {}",
    'token = { value = "hunter2" }',
    'token = { env = "TOKEN", file = "/hunter2" }',
    'token = { env = "" }',
    "token = { file = 1 }",
    'url = "https://agent:hunter2@central.example"',
    'url = "https://central.example/?token=hunter2"',
    'url = "agent:hunter2@central.example"',
    'proxy = "http://agent:hunter2@proxy.example"',
]


@pytest.fixture
def main_file(tmp_path):
    return tmp_path / "config.toml"


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text)
    return path


def fails(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return str(caught.value)


def test_the_contract_is_understood(main_file):
    config = load(written(main_file, CONTRACT)).config
    assert config.agent.interval == timedelta(seconds=10).total_seconds()
    assert config.agent.labels == {"role": "db"}
    assert config.central.url == "https://central.example"
    assert config.central.token == SecretReference(
        source=SecretSource.CREDENTIAL, name="central-token"
    )
    assert config.central.no_proxy == ("db.example", "10.0.0.0/8")
    assert config.trust.provenance_key == Path("/etc/forewarn/provenance.pem")
    assert config.sharing.level is SharingLevel.SUMMARIES
    assert config.store.max_size == 256_000_000
    assert config.limits.cpu_percent == 2
    guard = config.guard
    assert (guard.margin, guard.block, guard.judge_for) == (0.1, 1200, 86_400)
    assert (guard.promotion, guard.false_alarms, guard.strict) == (20, 20, False)
    assert config.endpoint.listen is not None
    assert (config.endpoint.listen.host, config.endpoint.listen.port) == (
        "127.0.0.1",
        9469,
    )
    assert config.collect.exclude_devices is not None
    assert config.collect.exclude_devices.search("loop0")
    assert not config.collect.exclude_devices.search("sda")


def test_an_empty_file_gives_the_defaults(main_file):
    loaded = load(written(main_file, ""))
    assert loaded.config == Config()
    assert set(loaded.origins.values()) == {"default"}


def test_the_defaults_keep_the_laws():
    assert [law.key for law in laws(Config()) if not law.is_kept] == []


def test_a_default_breaks_no_law(main_file):
    """`commit_every` is 60 s by itself; who looks each 5 min need not know it."""
    loaded = load(written(main_file, '[agent]\ninterval = "5m"'))
    assert loaded.config.store.commit_every < loaded.config.agent.interval


@pytest.mark.parametrize("interval", ["20ms", "0.05s", "10m"])
def test_intervals_at_the_edge(interval, main_file):
    loaded = load(written(main_file, f'[agent]\ninterval = "{interval}"'))
    assert loaded.values()["agent.interval"] == interval


@pytest.mark.parametrize(
    "entry", ["*", ".example", "*.example", "db-1.example", "10.1.2.3", "fd00::/8"]
)
def test_what_no_proxy_may_say(entry, main_file):
    loaded = load(written(main_file, f'[central]\nno_proxy = ["{entry}"]'))
    assert loaded.config.central.no_proxy == (entry,)


@pytest.mark.parametrize(("text", "problem"), BAD)
def test_what_is_wrong_is_named(text, problem, main_file):
    assert fails(written(main_file, text)) == f"{main_file}{problem}"


@pytest.mark.parametrize("line", SECRETS)
def test_a_secret_is_refused_but_not_shown(line, main_file):
    message = fails(written(main_file, f"[central]\n{line}"))
    assert message.startswith(f"{main_file}:2: central.")
    assert "a secret never stands in the configuration" in message
    assert "hunter2" not in message


def test_a_token_as_text_is_explained(main_file):
    message = fails(written(main_file, '[central]\ntoken = "hunter2"'))
    assert message == f"{main_file}:2: central.token: {REFERENCE}"


@pytest.mark.parametrize(
    "problem",
    [
        pytest.param(
            '[store]\nmax_size = "1MB"\n[spool]\nmax_size = "1kB"', id="twice"
        ),
        pytest.param('agent.interval = "1ms"', id="dotted"),
        pytest.param('agent = { interval = "1ms" }', id="inline"),
        pytest.param('[agent]\n# interval = "2ms"\ninterval = "1ms"', id="comment"),
    ],
)
def test_the_line_that_is_named_is_the_line(problem, main_file):
    written(main_file, problem)
    for line in check(main_file).problems:
        _, number, key, *_ = line.split(":")
        assert key.rpartition(".")[2] in problem.split("\n")[int(number) - 1]
        assert not problem.split("\n")[int(number) - 1].startswith("#")


def test_no_line_is_better_than_a_wrong_one(main_file):
    text = '[agent]\nlabels = { interval = "x" }\ninterval = "1ms"'
    assert fails(written(main_file, text)).startswith(f"{main_file}: agent.interval: ")


# --- files, their order and rights


def test_fragments_come_in_name_order_over_the_main_file(tmp_path, main_file):
    written(
        main_file,
        '[agent]\ninterval = "1s"\nlabels = { role = "db", site = "a" }\n'
        '[central]\ntoken = { env = "TOKEN" }\n',
    )
    late = written(
        tmp_path / "conf.d/90.toml",
        '[agent]\nlabels.site = "c"\n[central]\ntoken = { file = "token" }',
    )
    early = written(
        tmp_path / "conf.d/10.toml", '[agent]\ninterval = "2s"\nlabels.site = "b"'
    )
    written(tmp_path / "conf.d/.99.toml", "what an editor left behind")
    written(tmp_path / "conf.d/README", "not read")
    loaded = load(main_file, overrides={"guard.alpha": 0.5, "guard.margin": None})
    assert loaded.files == (main_file, early, late)
    assert loaded.config.agent.interval == 2
    assert loaded.config.agent.labels == {"role": "db", "site": "c"}
    assert loaded.config.central.token == SecretReference(
        source=SecretSource.FILE, name=str(tmp_path / "conf.d/token")
    )
    named = {k: v for k, v in loaded.origins.items() if v != "default"}
    assert named == {
        "agent.interval": str(early),
        "agent.labels.role": str(main_file),
        "agent.labels.site": str(late),
        "central.token": str(late),
        "guard.alpha": "option",
    }


def test_relative_paths_are_relative_to_the_file_that_names_them(
    tmp_path, main_file, monkeypatch
):
    text = '[agent]\nstate_dir = "state"\n[central]\nurl = "./mirror"\nca_file = "~/ca"'
    written(main_file, text)
    monkeypatch.setenv("HOME", "/home/operator")
    monkeypatch.chdir(tmp_path)
    config = load(Path("config.toml")).config
    assert config.agent.state_dir == tmp_path / "state"
    assert config.central.url == str(tmp_path / "mirror")
    assert config.central.ca_file == Path("/home/operator/ca")


def test_options_are_relative_to_the_present_folder(tmp_path, main_file, monkeypatch):
    written(main_file, "")
    monkeypatch.chdir(tmp_path)
    loaded = load(main_file, overrides={"agent.state_dir": Path("here")})
    assert loaded.config.agent.state_dir == tmp_path / "here"


def test_a_bad_option_is_named(main_file):
    written(main_file, "")
    with pytest.raises(ConfigError, match=r"^option: agent\.interval: expected 20ms"):
        load(main_file, overrides={"agent.interval": "1ms"})


@pytest.mark.parametrize("nothing", ['""', '[""]', "[]"])
def test_an_empty_exclusion_excludes_nothing(nothing, main_file):
    text = f"[collect]\nexclude_devices = {nothing}"
    config = load(written(main_file, text)).config
    assert config.collect.exclude_devices is not None
    assert not config.collect.exclude_devices.search("sda")


def test_the_default_file_may_be_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(config_files, "DEFAULT_PATH", tmp_path / "config.toml")
    assert load(None).files == ()
    assert check(None).problems == ()
    fragment = written(tmp_path / "conf.d/50-site.toml", '[agent]\ninterval = "3s"')
    assert load(None).config.agent.interval == 3
    main = written(tmp_path / "config.toml", "")
    assert load(None).files == (main, fragment)


def test_a_named_file_may_not_be_missing(main_file):
    assert fails(main_file) == f"{main_file}: no such file; create it, or name another"


def test_a_folder_is_no_file(tmp_path):
    assert fails(tmp_path) == f"{tmp_path}: expected a file, got a folder"


def test_a_file_is_no_folder(tmp_path, main_file):
    written(main_file, "")
    folder = written(tmp_path / "conf.d", "")
    assert fails(main_file) == f"{folder}: expected a folder, got a file"


def test_an_endless_file_is_not_read(main_file):
    main_file.symlink_to("/dev/zero")
    assert fails(main_file) == f"{main_file}: expected at most 1000000 bytes, got more"


def test_a_circle_of_links_is_named(main_file):
    main_file.symlink_to(main_file)
    assert fails(main_file).startswith(f"{main_file}: ")
    assert check(main_file.parent).problems == (fails(main_file),)


def test_text_of_another_encoding_is_named(main_file):
    main_file.write_bytes(b"# caf\xe9")
    assert fails(main_file).startswith(f"{main_file}: expected text in UTF-8, got ")


def test_a_byte_order_mark_is_no_fault(main_file):
    main_file.write_bytes(b"\xef\xbb\xbf[agent]\n")
    assert load(main_file).config == Config()


@pytest.mark.parametrize(
    "value", ["1" * 5000, "[" * 5000, '"a{' + "9" * 30 + '}"', '"' + "(" * 9999 + '"']
)
def test_what_is_too_deep_or_too_long_is_named(value, main_file):
    message = fails(written(main_file, f"[collect]\nexclude_devices = {value}"))
    assert message.startswith(str(main_file))


def test_a_size_beyond_all_numbers_is_named(main_file):
    text = f'[store]\nmax_size = "{"9" * 400}GB"'
    assert "expected a smaller number" in fails(written(main_file, text))


@pytest.fixture
def as_nobody():
    """Be a user who is refused things; root is refused nothing."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    yield
    if is_root:
        os.seteuid(0)


@pytest.fixture
def forbidden(tmp_path):
    folder = tmp_path / "forbidden"
    written(folder / "config.toml", "")
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


def test_missing_rights_are_named(forbidden, as_nobody):
    main = forbidden / "config.toml"
    rights = "this user may not read it; its owner must allow that"
    assert fails(main) == f"{forbidden / 'conf.d'}: {rights}"
    assert check(main).problems == (f"{main}: {rights}",)
    (problem,) = check(forbidden).problems
    assert problem.startswith(str(forbidden))
    assert problem.endswith(rights)


# --- check


def test_check_finds_every_problem_of_every_file(tmp_path, main_file):
    written(main_file, '[agent]\nintervall = "1s"\ninterval = "1ms"\n')
    written(tmp_path / "conf.d/10.toml", "[agent")
    late = written(tmp_path / "conf.d/20.toml", "[guard]\nalpha = 2\nmargin = true")
    found = check(main_file)
    assert [line.partition(": ")[0].rpartition("/")[2] for line in found.problems] == [
        "config.toml:2",
        "10.toml:1",
        "20.toml:3",
        "config.toml:3",
        "20.toml:2",
    ]
    assert len(found.files) == 3
    assert str(late) in found.problems[2]


def test_load_names_the_first_and_counts_the_rest(main_file):
    message = fails(written(main_file, "[guard]\na = 1\nb = 1\nc = 1"))
    assert '"guard.a"' in message
    assert message.endswith(" (and 2 more; `forewarn config check` lists them)")


def test_check_takes_a_folder_of_either_kind(tmp_path, main_file):
    first = written(tmp_path / "conf.d/10.toml", "[guard]\nalpha = 0.5")
    second = written(tmp_path / "conf.d/20.toml", "[guard]\nalpha = 0.4\nmargin = 1")
    assert check(tmp_path / "conf.d").files == (first, second)
    assert check(tmp_path / "conf.d").given == 2
    written(main_file, "")
    assert check(tmp_path).files == (main_file, first, second)


def test_check_of_an_empty_folder_finds_fault(tmp_path):
    assert check(tmp_path).problems == (
        f"{tmp_path}: expected *.toml in this folder, got none",
    )


# --- properties


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch") / "config.toml"


NAMES = st.text(string.ascii_lowercase + "_- .\n\"'é\x7f", min_size=1, max_size=20)


@given(known=st.sampled_from(sorted(KINDS)), name=NAMES)
def test_an_unknown_key_is_named_with_what_could_be_meant(scratch, known, name):
    table = known.partition(".")[0]
    with pytest.raises(ConfigError) as caught:
        load_text(scratch, f"[{table}]\n{toml_text('x' + name)} = 1")
    message = str(caught.value)
    assert toml_text(f"{table}.x{name}") in message
    assert "did you mean" in message or "expected one of" in message
    assert message.isprintable()


@given(known=st.sampled_from(sorted(KINDS)), data=st.data())
def test_a_slip_of_one_letter_is_mended(scratch, known, data):
    table, _, name = known.partition(".")
    at = data.draw(st.integers(1, len(name)))
    slip = f"{name[:at]}q{name[at:]}"
    with pytest.raises(ConfigError, match=f'did you mean "{re.escape(name)}"'):
        load_text(scratch, f"[{table}]\n{slip} = 1")


@given(text=st.text(max_size=60))
def test_any_text_is_a_configuration_or_a_config_error(scratch, text):
    try:
        load_text(scratch, text)
    except ConfigError as error:
        assert str(error)  # noqa: PT017 - either way is right


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
BRANCHES = LEAVES | st.lists(LEAVES, max_size=3)
VALUES = (
    BRANCHES
    | st.lists(BRANCHES, max_size=3)
    | st.dictionaries(st.text(max_size=4), BRANCHES, max_size=3)
)


@pytest.mark.filterwarnings("ignore:Possible:FutureWarning")  # of odd expressions
@given(overrides=st.dictionaries(st.sampled_from(sorted(KINDS)), VALUES, max_size=4))
def test_any_value_is_taken_or_refused_in_one_line(scratch, overrides):
    try:
        loaded = load_text(scratch, "", overrides=overrides)
    except ConfigError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either way is right
    else:
        assert_shown_as_it_is_read(scratch, loaded)


@given(
    labels=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    alpha=st.floats(1e-9, 1, exclude_max=True),
    source=st.sampled_from(SecretSource),
)
def test_what_is_shown_reads_as_what_it_shows(scratch, labels, alpha, source):
    overrides = {
        "agent.labels": labels,
        "guard.alpha": alpha,
        "central.token": {source.value: "/somewhere"},
        "collect.exclude_devices": ["^loop", r"\d"],
        "endpoint.listen": "[::1]:0",
    }
    assert_shown_as_it_is_read(scratch, load_text(scratch, "", overrides=overrides))


def assert_shown_as_it_is_read(scratch: Path, loaded: Loaded) -> None:
    tables: dict[str, dict[str, str]] = {}
    for key, value in loaded.values().items():
        table, name, *inner = key.split(".", 2)
        if value is not None:
            dotted = ".".join([name, *map(toml_text, inner)])
            tables.setdefault(table, {})[dotted] = toml_text(value)
    text = "\n".join(
        f"[{table}]\n" + "\n".join(f"{k} = {v}" for k, v in content.items())
        for table, content in tables.items()
    )
    assert load_text(scratch, text).values() == loaded.values()


def load_text(
    path: Path, text: str, *, overrides: dict[str, object] | None = None
) -> Loaded:
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return load(path, overrides=overrides or {})


def test_values_show_as_they_were_written():
    assert (Duration("1.5h"), Duration("1.5h").text) == (5400, "1.5h")
    assert (Size("64KiB"), Size("64KiB").text) == (65536, "64KiB")
    assert (Listen("[::1]:80").host, Listen("[::1]:80").port) == ("::1", 80)
    assert Address("/srv/mirror") == "/srv/mirror"


def test_a_config_cannot_be_changed():
    with pytest.raises(AttributeError):
        Config().agent.interval = Duration("1s")  # type: ignore[misc]
    with pytest.raises(TypeError):
        msgspec.structs.replace(Config(), agents=1)
