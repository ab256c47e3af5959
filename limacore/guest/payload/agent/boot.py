"""The progress of the boot scripts."""

import os

from .files import read_text


class Boot:
    """What boot.sh writes about its scripts, and the mark that it has finished."""

    MOST_LINES, LONGEST_LINE = 20, 500

    def __init__(self, run):
        self.progress = os.path.join(run, "lima-boot-progress")
        self.done = os.path.join(run, "lima-boot-done")
        self.messages = []
        self.offset = 0
        self.begun = {}
        self.output = []
        self.ready = ""

    def news(self):
        """Messages since the last call; a file that shrank is that of a new run of boot.sh."""
        fresh = []
        try:
            with open(self.progress, "rb") as file:
                if os.fstat(file.fileno()).st_size < self.offset:
                    self.offset, self.messages, self.output, self.ready = 0, [], [], ""
                file.seek(self.offset)
                data = file.read()
        except OSError:
            data = b""
        whole = data[:data.rfind(b"\n") + 1]
        self.offset += len(whole)
        fresh += [message for message in map(self.message, whole.splitlines()) if message]
        iid = read_text(self.done).strip()
        if iid and iid != self.ready:
            fresh.append({"type": "boot", "state": "ready", "iid": iid})
        self.ready = iid
        self.messages += fresh
        return fresh

    def message(self, line):
        """The message for a line such as `start 3.42 NAME` or `end 3.50 0 NAME`; times are seconds of uptime.

        A script that failed has lines `out TEXT` before its end: the last that it printed."""
        words = line.decode(errors="replace").split(" ")
        if words[0] == "out":
            self.output = (self.output + [line.decode(errors="replace")[4:][:self.LONGEST_LINE]])[-self.MOST_LINES:]
            return None
        try:
            if words[0] == "start":
                name = " ".join(words[2:])
                self.begun[name] = float(words[1])
                return {"type": "boot", "state": "start", "name": name}
            name = " ".join(words[3:])
            seconds = float(words[1]) - self.begun.get(name, float(words[1]))
            output, self.output = "\n".join(self.output), []
            return {"type": "boot", "state": "end", "name": name, "exit_code": int(words[2]),
                    "seconds": round(seconds, 2), "output": output}
        except (ValueError, IndexError):
            return None
