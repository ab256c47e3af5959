"""What Lima's own program calls the fields of lima.yaml: names in its messages and in `list --format` templates."""

from __future__ import annotations

import re

_SPECIAL = {"9p": "NineP", "caCerts": "CACertificates", "sshfs": "SSHFS"}
_WHOLE = {"vm": "VM", "os": "OS", "cpu": "CPU", "cpus": "CPUs", "ssh": "SSH", "dns": "DNS", "tpm": "TPM", "uid": "UID",
          "url": "URL", "vnc": "VNC", "mac": "MAC", "ip": "IP", "vz": "VZ", "qemu": "QEMU", "ca": "CA"}
_PART = re.compile(r"[a-z0-9]+|[A-Z][a-z0-9]+|[A-Z0-9]+(?![a-z])")


def go_name(key: str) -> str:
    """The Go field for a key: `cpus` is `CPUs`, `vmType` is `VMType`, `images` is `Images`."""
    if key in _SPECIAL:
        return _SPECIAL[key]
    return "".join(_WHOLE.get(part.lower()) or part[:1].upper() + part[1:] for part in _PART.findall(key))
