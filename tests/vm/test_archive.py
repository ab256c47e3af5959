"""An exported guest boots again under another name in another home, with what was written in it, and lets us in."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.vm.conftest import BOOT_LIMIT, Cli


def test_an_imported_guest_boots_in_another_home(tiny: Cli) -> None:
    tiny("start", "t", timeout=2 * BOOT_LIMIT)
    tiny("shell", "t", "sudo", "sh", "-c", "echo kept > /root/kept; sync")
    refused = tiny("export", "t", "t.tar.zst", check=False)
    assert "expected status `Stopped`, got `Running`" in refused.stderr
    tiny("stop", "t")
    assert "Exported instance `t`" in tiny("export", "t", "t.tar.zst").stderr
    with tempfile.TemporaryDirectory(prefix="l-", dir="/tmp") as folder:
        elsewhere = {"LIMA_HOME": folder}
        imported = tiny("import", "t.tar.zst", "--name=u", LIMA_HOME=folder)
        assert "Imported instance `u`" in imported.stderr
        shutil.rmtree(tiny.home / "t")
        try:
            tiny("start", "u", timeout=2 * BOOT_LIMIT, **elsewhere)
            assert tiny("shell", "u", "sudo", "cat", "/root/kept", **elsewhere).stdout == "kept\n"
            assert tiny("shell", "u", "hostname", **elsewhere).stdout == "lima-u\n"
        finally:
            tiny("stop", "-f", "u", check=False, **elsewhere)
        assert not [path for path in Path(folder).rglob("*") if path.name.endswith((".pid", ".sock"))]
