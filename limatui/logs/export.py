"""Lines that pass, written to a file of the user."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from limatui.logs.sift import Wanted
from limatui.logs.track import Source, Track
from limatui.logs.window import Window
from limatui.widgets.logs.file import LineAt

_AT_ONCE = 500


def save(path: Path, lines: Iterator[bytes], *, stopped: Callable[[], bool], most: int = 1 << 62) -> tuple[int, bool]:
    """Write a file that is not there yet, about `most` bytes of it: how many bytes, and whether that is all.

    Raises OSError; nothing stays when it is stopped or fails.
    """
    written = 0
    with path.open("xb") as file:
        try:
            for data in lines:
                file.write(data)
                written += len(data)
                if written > most:
                    return written, False
                if stopped():
                    raise InterruptedError("stopped")
        except BaseException:
            path.unlink()
            raise
    return written, True


def everything(sources: Sequence[Source], wanted: Wanted) -> Iterator[bytes]:
    """All lines that pass, as they are; of several logs by time, each with its time and the name of its log."""
    window = _opened(sources, wanted)
    try:
        yield from _of_one(window.tracks[0]) if len(window.tracks) == 1 else _merged(window)
    finally:
        window.close()


def these(sources: Sequence[Source], lines: Sequence[LineAt]) -> Iterator[bytes]:
    """Some lines, whole."""
    window = _opened(sources, Wanted())
    try:
        yield from (_whole(window, line) for line in lines)
    finally:
        window.close()


def _opened(sources: Sequence[Source], wanted: Wanted) -> Window:
    tracks = [Track(source, number, timed=len(sources) > 1) for number, source in enumerate(sources)]
    window = Window(tracks)
    window.refresh()
    window.choose(wanted)
    return window


def _of_one(track: Track) -> Iterator[bytes]:
    for _, data in track.file.pieces(0, track.file.size):
        yield data if track.sift.idle else b"".join(data[start:end] for start, end in track.sift.kept(data))


def _merged(window: Window) -> Iterator[bytes]:
    window.start()
    cut = window.cut
    while True:
        window.lacking = None
        lines, cut = window.forward(cut, _AT_ONCE)
        yield b"".join(_whole(window, line) for line in lines)
        if window.lacking is not None:
            track, missing = window.lacking
            track.fetch(missing, 1.0)
        elif len(lines) < _AT_ONCE:
            return


def _whole(window: Window, line: LineAt) -> bytes:
    track = window.tracks[line.track]
    data = track.file.read(line.start, line.end - line.start).rstrip(b"\r\n") + b"\n"
    if len(window.tracks) == 1:
        return data
    moment = datetime.fromtimestamp(line.time).isoformat(sep=" ", timespec="seconds")
    return f"{'~' if line.about else ''}{moment} {track.source.tag}: ".encode() + data
