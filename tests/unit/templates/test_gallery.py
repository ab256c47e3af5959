"""Templates as people choose and change them."""

from __future__ import annotations

from pathlib import Path

import pytest

from limacore.errors import HostError, NotFoundError, UsageError
from limacore.paths import HomePaths
from limacore.templates import gallery

MINE = """\
# My own machine.
# More of it.
base:
- template:_images/debian-13
- {url: template:_default/mounts}
cpus: 3
"""


@pytest.fixture
def home(lima_home: Path) -> HomePaths:
    return HomePaths(lima_home)


def problems(text: str, home: HomePaths, name: str = "mine") -> list[tuple[str, int]]:
    return [(each.message, each.line) for each in gallery.check(name, text, home) if each.severity == "error"]


def test_what_comes_with_limatui_is_described(home: HomePaths) -> None:
    found = {each.name: each for each in gallery.describe(home)}
    assert {"default", "tiny", "debian-13"} <= set(found)
    assert found["_images/debian-13"].hidden and not found["debian-13"].hidden
    assert "template:_images/debian-13" in found["debian-13"].bases
    assert not [each.name for each in found.values() if not each.description or each.own or each.location]


def test_ones_own_is_told_apart_and_comes_first(home: HomePaths) -> None:
    gallery.save("debian-13", MINE, home)
    gallery.save("team/build", MINE, home)
    found = {each.name: each for each in gallery.describe(home)}
    mine = found["debian-13"]
    assert (mine.own, mine.description) == (True, "My own machine.")
    assert mine.bases == ("template:_images/debian-13", "template:_default/mounts")
    assert mine.location == str(home.templates / "debian-13.yaml")
    assert found["team/build"].own
    assert gallery.text("debian-13", home) == MINE


def test_a_file_that_cannot_be_read_says_so(home: HomePaths) -> None:
    home.templates.mkdir()
    (home.templates / "broken.yaml").write_text("a: [\n")
    (home.templates / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    (home.templates / "list.yaml").write_text("- 1\n")
    found = {each.name: each for each in gallery.describe(home) if each.own}
    assert "broken.yaml" in found["broken"].description and "bytes.yaml" in found["bytes"].description
    assert found["list"].bases == ()


def test_the_embedded_text_has_what_the_bases_bring(home: HomePaths) -> None:
    gallery.save("mine", MINE, home)
    whole = gallery.text("mine", home, embedded=True)
    assert "cpus: 3" in whole and "images:" in whole and "mounts:" in whole and "base:" not in whole
    with pytest.raises(NotFoundError):
        gallery.text("nothing", home)


def test_a_template_is_checked_with_its_bases(home: HomePaths) -> None:
    assert problems(MINE, home) == []
    assert problems(MINE.replace("cpus: 3", "cpus: many"), home)[0][1] == 6
    assert problems("cpus: 1\n", home)[0][0].startswith("field `images`")
    assert problems("cpus: 1\n", home, "_mine/part") == []
    assert problems("a: [\n", home) != []


def test_a_base_that_is_not_there_is_told_at_its_line(home: HomePaths) -> None:
    (message, line), = problems("cpus: 1\nbase: template:nothing-like-that\n", home)
    assert "nothing-like-that" in message and line == 2


def test_a_loop_of_bases_is_told(home: HomePaths) -> None:
    gallery.save("a", "base: template:b\n", home)
    gallery.save("b", "base: template:a\n", home)
    assert "loop" in problems("base: template:b\n", home, "a")[0][0]


def test_bases_on_the_network_are_left_alone_while_one_types(home: HomePaths) -> None:
    assert problems("base: https://example.invalid/x.yaml\ncpus: 2\n", home) == []


def test_values_of_bases_are_told_apart_from_the_text(home: HomePaths) -> None:
    found = {each.path: each for each in gallery.effective(MINE, home.instance("x").lima_yaml, home)}
    assert (found["cpus",].layer, found["cpus",].line) == ("instance", 6)
    assert found["images", 0, "location"].layer == "base"
    assert found["memory",].layer == "built in"


@pytest.mark.parametrize("name", ["", "../x", "/etc/x", "a/../b", "a//b", ".hidden", "a b", "x\n", "-x"])
def test_names_that_are_none(home: HomePaths, name: str) -> None:
    with pytest.raises(UsageError):
        gallery.save(name, MINE, home)
    assert not home.templates.exists()


def test_a_place_that_cannot_be_written(home: HomePaths) -> None:
    home.templates.write_text("a file")
    with pytest.raises(HostError):
        gallery.save("x", MINE, home)
