"""The dashboard up to its first frame that shows the instance `heron`; tells what was imported by then."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from limatui.__main__ import main
from limatui.lean import import_textual

import_textual()
from limatui.host import driver  # noqa: E402 (in the order of the program)


class Recording(driver.TerminalDriver):
    """Ends the program with the first frame."""

    def write(self, data: str) -> None:
        """The file named by the first argument gets the names of all modules."""
        if "heron" in data:
            Path(sys.argv[1]).write_text("\n".join(sys.modules))
            os._exit(0)
        super().write(data)


if __name__ == "__main__":
    driver.TerminalDriver = Recording  # type: ignore[misc]
    main([])
