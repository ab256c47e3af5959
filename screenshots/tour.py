"""An animated tour of the real dashboard over the demo engine, as one SVG: `python screenshots/tour.py FILE.svg`.

A story is played with a frozen clock. A row that stays the same for several frames stands in the file once.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from make import NOW, SIZES, do, past
from msgspec import Struct
from picture import colours, heading, page, rows

from limacore.drivers.demo import DemoEngine
from limatui.app import Dashboard


class Step(Struct, frozen=True):
    """Keys as in make.Shot, each one a frame of `seconds`; `rest` is how long the last one stays besides."""

    title: str
    keys: str
    seconds: float = 0.25
    rest: float = 1.5


STORY = (
    Step("Everything at a glance", "j k", 0.6, 2.0),
    Step("A boot is watched, not awaited", "j +1 +1 +1 +1 +1 +1", 0.5),
    Step("The console is a terminal", "k c wait enter u n a m e space - a enter", 0.15),
    Step("Logs of any size", "ctrl+right_square_bracket escape l wait G", 0.5),
    Step("lima.yaml, checked while one types", "escape e wait down down down down end backspace 4 wait", 0.3, 2.0),
    Step("Nothing typed is lost without a question", "escape", 0.3, 1.5),
    Step("Every action by its name", "d wait escape colon s n a p", 0.3, 2.0),
    Step("Everything at a glance", "escape 1", 0.5, 1.0),
)
Frame = tuple[float, list[str]]
"""Seconds, and the rows; the title is the first."""


async def play(story: Sequence[Step] = STORY, size: str = "120x36") -> tuple[Dashboard, list[Frame]]:
    """The frames of a story."""
    engine = DemoEngine(frozen=NOW, label=str(Path.home() / ".lima"))
    app = Dashboard(engine, clock=engine.now)
    app.animation_level = "none"
    frames: list[Frame] = []
    async with app.run_test(size=SIZES[size]) as pilot:
        await past(engine, pilot)
        for step in story:
            for key in step.keys.split():
                await do(engine, pilot, key)
                await pilot.pause()
                frames.append((step.seconds, [heading(app, colours(app)[1], step.title), *rows(app)]))
            frames[-1] = (step.seconds + step.rest, frames[-1][1])
    return app, frames


def animation(app: Dashboard, frames: Sequence[Frame]) -> str:
    """The SVG: each row is shown while it is as it is."""
    ends = [sum(seconds for seconds, _ in frames[:count + 1]) for count in range(len(frames))]
    total = ends[-1]
    spans = [span for number in range(len(frames[0][1])) for span in _spans([told[number] for _, told in frames])]
    names = {(first, last): f"s{first}-{last}" for first, last, _ in spans}
    style = [f"g{{visibility:hidden;animation-duration:{total:.2f}s;animation-timing-function:step-end;"
             "animation-iteration-count:infinite}"]
    for (first, last), name in sorted(names.items()):
        begin, end = (ends[first - 1] if first else 0.0) / total * 100, ends[last] / total * 100
        style.append(f"@keyframes {name}{{0%{{visibility:hidden}}{begin:.3f}%{{visibility:visible}}"
                     f"{end:.3f}%{{visibility:hidden}}}}.{name}{{animation-name:{name}}}" if last < len(frames) - 1 else
                     f"@keyframes {name}{{0%{{visibility:hidden}}{begin:.3f}%,100%{{visibility:visible}}}}"
                     f".{name}{{animation-name:{name}}}")
    body = "".join(f'<g class="{names[first, last]}">{row}</g>' for first, last, row in spans)
    return page(app, body, f"<style>{''.join(style)}</style>")


def _spans(told: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """First and last frame of each stretch in which a row stays the same; empty rows need nothing."""
    first = 0
    for index, row in enumerate(told):
        if index + 1 == len(told) or told[index + 1] != row:
            if row:
                yield first, index, row
            first = index + 1


async def main(path: Path) -> None:
    """Write the tour."""
    app, frames = await play()
    text = animation(app, frames)
    await asyncio.to_thread(path.write_text, text, "utf-8")
    print(f"{path}: {len(frames)} frames, {sum(seconds for seconds, _ in frames):.0f} s, {len(text) / 1e6:.2f} MB")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else "tour.svg")))
