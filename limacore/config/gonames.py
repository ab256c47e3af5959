"""What Lima's own program calls the fields of lima.yaml: names in its messages and in `list --format` templates."""

from __future__ import annotations

_SPECIAL = {
    "9p": "NineP", "cpus": "CPUs", "cpuType": "CPUType", "vmType": "VMType", "vmOpts": "VMOpts", "os": "OS",
    "osOpts": "OSOpts", "ssh": "SSH", "dns": "DNS", "tpm": "TPM", "caCerts": "CACertificates", "sshfs": "SSHFS",
    "uid": "UID", "url": "URL", "vnc": "VNC", "fsType": "FSType", "fsArgs": "FSArgs", "vzNAT": "VZNAT",
    "macAddress": "MACAddress", "ipv6": "IPv6", "vz": "VZ", "qemu": "QEMU",
}


def go_name(key: str) -> str:
    """The Go field for a key: `cpus` is `CPUs`, `vmType` is `VMType`, `images` is `Images`."""
    return _SPECIAL.get(key) or key[:1].upper() + key[1:]
