"""Whatever is typed and whatever the files hold: one clear error, never a traceback, never half an instance."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some

from tests.golden.cli.sandbox import Runner, Sandbox

ROOT = Path(__file__).parents[3]
GOOD = "images: [{location: /none.img}]\n"
_PATIENT = settings(max_examples=40, suppress_health_check=list(HealthCheck))

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + level)}: &{chr(98 + level)} [{','.join(['*' + chr(97 + level)] * 10)}]\n" for level in range(8))
HOSTILE = {
    "aliases": BOMB.encode(),
    "alias of itself": b"a: &a\n  b: *a\n",
    "merge of itself": b"a: &a\n  <<: *a\n",
    "merge of nothing": b"<<: 5\nimages: []\n",
    "lists in lists": b"[" * 5000,
    "maps in maps": "\n".join(f"{' ' * level}a:" for level in range(3000)).encode(),
    "10 MB": b"# " + b"x" * (10 << 20),
    "no text": bytes(range(256)) * 8,
    "nul": b"a: \0",
    "latin1": b"message: caf\xe9\n",
    "list": b"- a\n",
    "text": b"hello",
    "nothing": b"",
    "tab": b"a:\n\tb: 1\n",
    "twice": b"cpus: 1\ncpus: 2\n",
    "foreign tag": b"cpus: !!python/object/apply:os.system [id]\n",
    "unknown alias": b"a: *nope\n",
    "list as a key": b"? [a, b]\n: c\n",
    "pair in a list": b"images: [location: /none.img]\n",
    "sizes": b"cpus: 999999999999999999999999999\nmemory: 1e400\ndisk: -5GiB\nimages: [{location: /none.img}]\n",
    "types": b"images: 5\nmounts: {a: b}\nprovision: true\nssh: []\nparam: [x]\nenv: 7\nnetworks: hi\nbase: {}\n",
    "nulls": b"images: null\nmounts: [null]\nprovision: [null]\nbase: [null]\n",
    "no numbers": b"cpus: .nan\nmemory: .inf\n",
    "base of itself": b"base: t.yaml\n",
    "dates and numbers that are none": b"base: 1\nmessage: 2001-13-45\nuser: {uid: 0x_}\nparam: {a: !!int z}\n",
    "scripts that are numbers": b"base: [{url: 5}]\nprovision: [{file: 5}]\nprobes: [{file: {url: 6}}]\n",
    "doubled entries": b"additionalDisks: [a, a, 5, null]\nmounts: [null, {location: /a}, {location: /a}]\n",
    "tags of collections": b"base: t.yaml\nparam: !!omap x\n",
    "endless template": b"images: [{location: /x}]\nmessage: '{{range $i := 1}}{{end}}{{.Foo.Bar}}'\n",
    "somebody's home": b"images: [{location: ~nobody-at-all/x}]\n",
}
_KEYS = some.sampled_from([
    "images", "mounts", "provision", "probes", "networks", "portForwards", "copyToHost", "additionalDisks", "ssh",
    "cpus", "memory", "disk", "vmType", "arch", "os", "base", "param", "env", "location", "digest", "mode", "script",
    "video", "vmOpts", "qemu", "containerd", "user", "hostResolver", "caCerts", "plain", "timezone", "message",
    "guestPort"])
_VALUES = some.recursive(
    some.none() | some.booleans() | some.integers(-(1 << 70), 1 << 70) | some.floats()
    | some.text(max_size=20) | some.sampled_from(["{{.Dir}}", "{{", "1GiB", "~x", "$HOME", "http://", "../..", "\x00"]),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(_KEYS, inner, max_size=4), max_leaves=12)
ON_A_FILE = (
    ("validate", "./t.yaml"), ("validate", "--fill", "./t.yaml"), ("create", "--name=t", "./t.yaml"),
    ("create", "--name=t", "--set", ".cpus = 1", "./t.yaml"), ("template", "copy", "--fill", "./t.yaml", "-"),
    ("template", "copy", "./t.yaml", "-"), ("template", "copy", "--embed-all", "./t.yaml", "-"),
    ("template", "yq", "./t.yaml", ".images"),
    ("yq", ".a", "./t.yaml"), ("yq", "-i", ".a = 1", "./t.yaml"), ("yq", "-o=json", ".", "./t.yaml"),
    ("edit", "--set", ".cpus = 1", "./t.yaml"))
ON_A_HOME = (
    ("list",), ("list", "--json"), ("list", "--yq", ".config"), ("list", "--format", "{{.Config}}"), ("doctor",),
    ("disk", "list", "--all"), ("network", "list"), ("edit", "--set", ".cpus = 2", "a"), ("clone", "a", "t"),
    ("show-ssh", "a"), ("protect", "a"), ("unprotect", "a"), ("ansible-inventory", "--list"), ("snapshot", "list", "a"),
    ("export", "a", "x.tar.zst"), ("create", "--name=t", "./t.yaml"), ("factory-reset", "a"),
    ("network", "create", "n", "--gateway", "192.168.77.1/24"))
ON_ITS_SETTINGS = ON_A_HOME[:1] + ON_A_HOME[4:8] + ON_A_HOME[-3:]
WITH_A_NAME = (
    ("create", "--name"), ("create",), ("stop",), ("delete",), ("edit", "--set", ".cpus = 1"), ("list",),
    ("list", "--format"), ("list", "--yq"), ("list", "--filter"), ("protect",), ("show-ssh", "-f"), ("clone", "a"),
    ("rename", "a"), ("disk", "create", "--size", "1MiB"), ("disk", "create", "d", "--size"), ("disk", "import", "d"),
    ("network", "create", "n", "--gateway"), ("template", "copy"), ("template", "url"), ("validate",), ("yq",),
    ("import", "--name"), ("import",), ("export", "a"), ("snapshot", "create", "a", "--tag"), ("__complete", "start"),
    ("create", "--name=t", "./t.yaml", "--mount"), ("create", "--name=t", "./t.yaml", "--memory"),
    ("create", "--name=t", "./t.yaml", "--cpus"), ("create", "--name=t", "./t.yaml", "--port-forward"),
    ("create", "--name=t", "./t.yaml", "--dns"), ("create", "--name=t", "./t.yaml", "--set"),
    ("create", "--name=t", "./t.yaml", "--param"))


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def box(runner: Runner) -> Iterator[Sandbox]:
    box = Sandbox(runner)
    yield box
    box.close()


def put(box: Sandbox, path: str, data: bytes) -> None:
    file = box.home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def answer(box: Sandbox, *words: str, **step: Any) -> dict[str, Any]:
    """Run a command line and check what holds of every answer."""
    box._own(box.home)
    began = time.monotonic()
    got = box.run({"argv": ["limatui", *words], **step})
    shown = f"{words} {step}: {got['stderr'][-2000:]}"
    assert got["rc"] in (0, 1, 255), shown
    assert "Traceback" not in got["stderr"], shown
    assert got["stderr"].count("level=fatal") <= 1, shown
    assert time.monotonic() - began < 60, shown
    left = box.home / ".lima"
    names = [path.name for path in left.iterdir()] if left.is_dir() else []
    assert not [name for name in names if name.startswith(".create-")], shown
    if got["rc"] and words[0] in ("create", "clone", "import"):
        assert "t" not in names, shown
    shutil.rmtree(left / "t", ignore_errors=True)
    return got


@pytest.fixture(scope="module", autouse=True)
def program(box: Sandbox) -> None:
    (box.bin / "limatui").symlink_to("limactl")


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_template_is_refused_by_every_command(box: Sandbox, kind: str) -> None:
    for words in ON_A_FILE:
        put(box, "work/t.yaml", HOSTILE[kind])
        answer(box, *words)


@pytest.mark.parametrize("kind", [
    "aliases", "merge of itself", "lists in lists", "maps in maps", "10 MB", "no text", "latin1", "list", "nothing",
    "foreign tag", "sizes", "types", "nulls", "endless template", "doubled entries", "dates and numbers that are none"])
@pytest.mark.parametrize("place", ["a/lima.yaml", "_config/default.yaml", "_config/networks.yaml"])
def test_a_hostile_file_in_the_home_stops_no_other_command(box: Sandbox, kind: str, place: str) -> None:
    for words in ON_A_HOME if place.startswith("a/") else ON_ITS_SETTINGS:
        put(box, "work/t.yaml", GOOD.encode())
        put(box, ".lima/a/lima.yaml", GOOD.encode())
        put(box, f".lima/{place}", HOSTILE[kind])
        answer(box, *words)
    shutil.rmtree(box.home / ".lima")


@_PATIENT
@given(some.dictionaries(_KEYS, _VALUES, max_size=6), some.sampled_from(ON_A_FILE))
def test_values_of_any_type_anywhere(box: Sandbox, data: dict[str, Any], words: tuple[str, ...]) -> None:
    import yaml

    put(box, "work/t.yaml", yaml.safe_dump(data, allow_unicode=True).encode(errors="surrogatepass"))
    answer(box, *words)


@_PATIENT
@given(some.binary(max_size=300), some.sampled_from(ON_A_FILE))
def test_any_bytes_as_a_template(box: Sandbox, data: bytes, words: tuple[str, ...]) -> None:
    put(box, "work/t.yaml", data)
    answer(box, *words)


_WORDS = some.text(some.characters(exclude_characters="\0", exclude_categories=()), max_size=40).filter(
    lambda word: not word.startswith("-") and "/" not in word) | some.sampled_from([
        "", "..", "../x", "a/b", "a" * 77, "a" * 5000, "\x1b[31m", "a\nb", 'a"b', '"a', "_config", "%s", "{{.Nope}}",
        "{{range}}", "template:../../../etc/passwd", "http://127.0.0.1:1/x", "https://[::1", "file://", "github:a/../b",
        "ftp://x", "/dev/null", "/", "~nobody-at-all/x", "9" * 5000, "1e400", "-1", "0x", "NaN", "10EiB", "a:b:c:d"])


@_PATIENT
@given(_WORDS, some.sampled_from(WITH_A_NAME))
@example("~nobody-at-all/x", ("export", "a"))
@example("a\nb", ("create", "--name=t", "./t.yaml", "--mount"))
@example('a"b', ("create", "--name=t", "./t.yaml", "--mount"))
def test_any_word_as_a_name_a_size_a_locator_or_an_expression(
    box: Sandbox, word: str, words: tuple[str, ...]
) -> None:
    put(box, "work/t.yaml", GOOD.encode())
    put(box, ".lima/a/lima.yaml", GOOD.encode())
    try:
        os.fsencode(word)
    except UnicodeEncodeError:
        return  # nobody can pass it
    answer(box, *words, word)
    shutil.rmtree(box.home / ".lima")


@pytest.mark.parametrize("home", [
    "@WORK@/t.yaml", "@WORK@/t.yaml/x", "/dev/null", "/proc/1", "relative", "@WORK@/a b ü\n", "@WORK@/" + "x" * 300,
    "@WORK@/" + "y" * 90, "@WORK@/\udcff\udcfe", "@WORK@/loop"])
def test_a_home_that_cannot_be_one(box: Sandbox, home: str) -> None:
    put(box, "work/t.yaml", GOOD.encode())
    if not (box.work / "loop").is_symlink():
        (box.work / "loop").symlink_to("loop")
    for words in (*ON_A_HOME, ("delete", "-f", "a"), ("import", "t.yaml"), ("prune",), ("list", "-q"), ("info",)):
        answer(box, *words, env={"LIMA_HOME": home, "XDG_CACHE_HOME": "@WORK@/t.yaml"})


def limatui(*words: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "limatui", *words]
    return subprocess.Popen(command, cwd=ROOT, **{"stderr": subprocess.PIPE, **options})


OUTPUT = (("list",), ("--version",), ("--help",), ("disk", "list"), ("yq", "-n", "1"), ("completion", "bash"),
          ("__complete", ""))


@pytest.mark.parametrize("words", OUTPUT, ids=" ".join)
def test_output_that_cannot_be_written_is_one_line(lima_home: Path, words: tuple[str, ...]) -> None:
    (lima_home / "a").mkdir(parents=True)
    (lima_home / "a/lima.yaml").write_text(GOOD)
    with Path("/dev/full").open("wb") as full:
        process = limatui(*words, stdout=full)
        said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1
    assert "Traceback" not in said and "Exception ignored" not in said
    assert words == ("--version",) or "write /dev/stdout: no space left on device" in said


@pytest.mark.parametrize("words", OUTPUT, ids=" ".join)
@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_closed_stream_is_no_error(lima_home: Path, words: tuple[str, ...], closed: int) -> None:
    process = subprocess.run(["sh", "-c", f'exec "$@" {closed}>&-', "-", sys.executable, "-P", "-m", "limatui", *words],
                             cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert process.returncode == 0
    assert b"Traceback" not in process.stderr


@pytest.mark.parametrize("words", OUTPUT, ids=" ".join)
def test_a_reader_that_went_away_is_told_nothing(lima_home: Path, words: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = limatui(*words, stdout=writer)
    os.close(writer)
    said = process.communicate(timeout=60)[1].decode()
    assert "Traceback" not in said and "Exception ignored" not in said and "fatal" not in said


def test_a_log_that_nobody_can_read_does_not_stop_the_work(lima_home: Path) -> None:
    (lima_home / "a").mkdir(parents=True)
    (lima_home / "a/lima.yaml").write_text(GOOD)
    with Path("/dev/full").open("wb") as full:
        process = limatui("delete", "a", stderr=full)
        assert process.wait(60) == 0
    assert not (lima_home / "a").exists()


def test_a_copy_that_cannot_be_written_leaves_what_was_there(lima_home: Path, tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("mine")
    for target, left in (("t.yaml", ["t.yaml"]), ("new.yaml", ["t.yaml"])):
        command = 'ulimit -f 1; exec "$@"'
        words = [sys.executable, "-P", "-m", "limatui", "template", "copy", "template:default", str(tmp_path / target)]
        done = subprocess.run(["sh", "-c", command, "-", *words], cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == 1
        assert b"cannot write" in done.stderr and b"Traceback" not in done.stderr
        assert sorted(each.name for each in tmp_path.iterdir()) == left
    assert (tmp_path / "t.yaml").read_text() == "mine"


def test_ctrl_c_ends_as_if_by_the_signal_without_a_word() -> None:
    process = limatui("yq", ".", "-", stdin=subprocess.PIPE)
    assert process.stdin
    process.stdin.write(b"# more than a pipe holds, so it is being read when this was written\n" * 4000)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert (process.returncode, said) == (-signal.SIGINT, b"")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody whom the system does not know")
def test_a_user_without_a_home_is_told_so() -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("HOME", "LIMA_HOME")}
    process = limatui("disk", "list", user=54321, group=54321, extra_groups=[], env=environment)
    said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1
    assert "$HOME is not defined" in said and "Traceback" not in said
