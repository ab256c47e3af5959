"""`limatui shell NAME true` against `ssh -F ssh.config` through the same master."""

from __future__ import annotations

from measure import LIMATUI, instance, interleave, tell, timed

if __name__ == "__main__":
    with instance(started=True) as place:
        config = str(place / "ssh.config")
        for _ in range(3):
            timed(LIMATUI, "shell", "t", "true")
        results = interleave(
            25,
            limatui=lambda: timed(LIMATUI, "shell", "t", "true"),
            ssh=lambda: timed("ssh", "-F", config, "lima-t", "true"),
        )
    tell("shell NAME true (goal <= 1.15)", results, "ssh")
