"""What the host may order: the clock, a touched file, the end."""

import os
import time

CLOCK_STEP_MS = 100.0


def set_clock(host_time):
    """Step the clock when it is off; tells how far it was."""
    skew = (time.time() - host_time) * 1000.0
    answer = {"type": "clock", "skew_ms": round(skew, 3), "adjusted": False, "error": ""}
    if abs(skew) > CLOCK_STEP_MS:
        try:
            time.clock_settime(time.CLOCK_REALTIME, host_time)
            answer["adjusted"] = True
        except OSError as error:
            answer["error"] = str(error)
    return answer


def touch(path, modified):
    """Wake those who watch a file of a mount: the host changed it, which the guest's kernel cannot know."""
    try:
        os.utime(path, (modified, modified))
    except OSError:
        pass  # gone again, or not (yet) seen through the mount


def power_off(reboot):
    """Ask the init system for an ordered end."""
    verb = "reboot" if reboot else "poweroff"
    if os.path.isdir("/run/systemd/system"):
        os.spawnvp(os.P_WAIT, "systemctl", ["systemctl", "--no-block", verb])
    else:
        os.spawnvp(os.P_WAIT, verb, [verb])
