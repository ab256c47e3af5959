"""What rsync says in numbers, and which directories may be synced."""

from __future__ import annotations

from pathlib import Path

import pytest

from limacore.errors import UsageError
from limacore.lifecycle.syncing import Changes, counted, directory

ITEMIZED = """\
sending incremental file list
.d..t...... ./
>f.st...... changed.txt
>f+++++++++ new.txt
cd+++++++++ folder/
*deleting   old.txt
.f...p..... mode.sh
.f          same
cL+++++++++ link -> new.txt
<f+++++++++ up
short
"""


def test_itemized_changes_are_counted() -> None:
    # "sending incremental..." begins with none of the marks, and `.f` without marks is the same on both sides.
    assert counted(ITEMIZED) == Changes(added=4, deleted=1, modified=1, metadata=2)
    assert not counted("") and counted(ITEMIZED)
    assert str(Changes(added=1, metadata=2)) == "added: 1, deleted: 0, modified: 0, metadata: 2"


@pytest.mark.parametrize(("text", "depth"), [("/", 2), ("/tmp", 2), ("/usr/lib", 3), ("/usr/lib/..", 2)])
def test_shallow_directories_are_refused(text: str, depth: int) -> None:
    with pytest.raises(UsageError) as caught:
        directory(text)
    assert caught.value.message.endswith(f"to be at least 4, only got {depth} (Hint: cd to a deeper directory)")


def test_a_directory_is_meant_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    assert directory("link/") == tmp_path / "link"
    with pytest.raises(UsageError, match="is not a directory"):
        directory("absent")
