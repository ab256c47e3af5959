"""What a lima.yaml may ask for and this version does not do: said at each start, never passed over in silence."""

from __future__ import annotations

from collections.abc import Iterator

from limacore.model.config import Config


def left_out(config: Config) -> Iterator[str]:
    """One sentence for each thing that is kept in lima.yaml but not set up."""
    containerd = config.containerd.system or config.containerd.user
    asked = {
        "containerd": bool(containerd),
    }
    if config.plain:
        return
    for what, wanted in asked.items():
        if wanted:
            yield f"`{what}` stays in lima.yaml but is not set up by this version of limatui"
