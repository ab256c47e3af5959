"""Load, CPU, memory, disk and addresses."""

import os

from .files import read_text
from .netlink import addresses

MOST_ADDRESSES = 16


class Cpu:
    """Share of the CPUs in use since the last question."""

    def __init__(self):
        self.last = self.read()

    def read(self):
        fields = [int(word) for word in read_text("/proc/stat").split("\n", 1)[0].split()[1:9]]
        return (sum(fields), fields[3] + fields[4]) if len(fields) > 4 else (0, 0)

    def percent(self):
        """0 to 100, of all CPUs together."""
        before, self.last = self.last, self.read()
        total, idle = self.last[0] - before[0], self.last[1] - before[1]
        return 100.0 * (total - idle) / total if total > 0 else 0.0


def metrics(cpu):
    """Load, CPU, memory and root file system."""
    memory = dict(line.split(":", 1) for line in read_text("/proc/meminfo").splitlines() if ":" in line)
    total, free = (int(memory.get(key, "0").split()[0]) * 1024 for key in ("MemTotal", "MemAvailable"))
    disk = os.statvfs("/")
    return {
        "type": "metrics", "load": os.getloadavg()[0], "cpu_percent": round(cpu.percent(), 1),
        "memory_total": total, "memory_used": total - free, "disk_total": disk.f_blocks * disk.f_frsize,
        "disk_used": (disk.f_blocks - disk.f_bfree) * disk.f_frsize, "addresses": addresses()[:MOST_ADDRESSES],
    }
