"""What cloud-init (and the tiny guest's own init) reads: `user-data`, `meta-data`, `network-config`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from limacore.guest import mountrows
from limacore.guest import seed as facts
from limacore.guest.environment import parameters, printable
from limacore.guest.seed import MOUNT_POINT, Card, Seed
from limacore.model.config import Config
from limacore.paths import hostname

_STUB = f"""\
#!/bin/sh
set -eu
export LIMA_CIDATA_MNT={MOUNT_POINT}
mkdir -p -m 0700 "$LIMA_CIDATA_MNT"
mountpoint -q "$LIMA_CIDATA_MNT" ||
    mount -o ro,mode=0700,dmode=0700,overriderockperm,exec,uid=0 /dev/disk/by-label/cidata "$LIMA_CIDATA_MNT"
exec "$LIMA_CIDATA_MNT/boot.sh"
"""

_RENAME = """\
for pair in {pairs}; do
  [ ! -e "/sys/class/net/${{pair##*=}}" ] || continue
  for card in /sys/class/net/*; do
    [ "$(tr A-F a-f <"$card/address")" = "${{pair%=*}}" ] || continue
    for try in 1 2 3; do
      ip link set "${{card##*/}}" down && ip link set "${{card##*/}}" name "${{pair##*=}}" &&
        ip link set "${{pair##*=}}" up && break || sleep 1
    done
  done
done
tries=0
until ip -4 addr show dev eth0 2>/dev/null | grep -q inet || [ "$tries" -ge 30 ]; do
  tries=$((tries + 1)); sleep 1
done
"""

_EARLY = """\
lima_code=0
lima_note() { read -r up _ </proc/uptime; echo "$1 $up $2" >>/run/lima-early-progress; }
lima_begin() { lima_note start "provision.boot/$1"; }
lima_end() {
  cat /run/lima-early-output
  [ "$2" -eq 0 ] || lima_code=$2
  [ "$2" -eq 0 ] || tail -n 20 /run/lima-early-output | sed 's/^/out /' >>/run/lima-early-progress
  lima_note end "$2 provision.boot/$1"
}
"""
"""Before the scripts of mode `boot`; boot.sh goes on with the file of notes."""


def user_data(seed: Seed, *, stub: bool = True) -> str:
    """The cloud-config; without `stub` it is the copy for people, which boots nothing."""
    config = seed.config
    parts = ["#cloud-config\n# vim:syntax=yaml\n\n", "growpart:\n  mode: auto\n  devices: ['/']\n",
             _upgrade(config), mountrows.section(config) if stub else "", _timezone(config), "\n", _users(seed),
             _write_files() if stub else "",
             _resolver(seed) if stub else "", _certificates(seed), _boot_commands(seed)]
    return "".join(parts)


def meta_data(seed: Seed) -> str:
    """Instance id and host name."""
    return f"instance-id: {seed.iid}\nlocal-hostname: {hostname(seed.name)}\n"


def network_config(seed: Seed) -> str:
    """Version 2 of cloud-init's network description: DHCP on every card, found by its hardware address."""
    optional = seed.config.param.get("internal_netplanOptional") == "true"
    servers = _name_servers(facts.name_servers(seed))
    return "version: 2\nethernets:\n" + "".join(
        _ethernet(card, optional) + (servers if card.name == "eth0" else "") for card in facts.cards(seed)
    )


def _ethernet(card: Card, optional: bool) -> str:
    return (f"  {card.name}:\n    match:\n      macaddress: '{card.mac}'\n    dhcp4: true\n"
            f"    set-name: {card.name}\n" + ("    optional: true\n" if optional else "") +
            f"    dhcp4-overrides:\n      route-metric: {card.metric}\n    dhcp-identifier: mac\n")


def _name_servers(servers: tuple[str, ...]) -> str:
    lines = "".join(f"      - {server}\n" for server in servers)
    return f"    nameservers:\n      addresses:\n{lines}" if servers else ""


def _upgrade(config: Config) -> str:
    keys = ("package_update", "package_upgrade", "package_reboot_if_required")
    return "".join(f"{key}: true\n" for key in keys) if config.upgrade_packages else ""


def _timezone(config: Config) -> str:
    return f"timezone: {config.timezone}\n" if config.timezone else ""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # JSON strings are YAML strings


def _users(seed: Seed) -> str:
    user = seed.config.user
    free = user.passwordless_sudo
    comment = printable(user.comment)
    lines = [
        f"  - name: {_quoted(user.name)}", f"    uid: {user.uid}",
        *([f"    gecos: {_quoted(comment)}"] if comment else []),
        f"    homedir: {_quoted(user.home)}", f"    shell: {user.shell}",
        f"    sudo: ALL=(ALL) {'NOPASSWD:' if free else ''}ALL", f"    lock_passwd: {'true' if free else 'false'}",
        "    ssh_authorized_keys:", *(f"      - {_quoted(key)}" for key in seed.public_keys),
    ]
    return "users:\n" + "\n".join(lines) + "\n"


def _indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())


def _write_files() -> str:
    return ("write_files:\n - content: |\n" + _indented(_STUB, 6) +
            "   owner: root:root\n   path: /var/lib/cloud/scripts/per-boot/00-lima.boot.sh\n   permissions: '0755'\n")


def _resolver(seed: Seed) -> str:
    lines = "".join(f"  - {server}\n" for server in facts.name_servers(seed))
    return f"\nmanage_resolv_conf: true\n\nresolv_conf:\n  nameservers:\n{lines}" if lines else ""


def _certificates(seed: Seed) -> str:
    found = seed.config.ca_certs
    texts = seed.certificates + found.certs
    if not (found.remove_defaults or texts):
        return ""
    remove = "  remove_defaults: true\n" if found.remove_defaults else ""
    trusted = "".join("  - |\n" + _indented(_trimmed(text), 4) for text in texts)
    return "\nca_certs:\n" + remove + (f"  trusted:\n{trusted}" if trusted else "")


def _trimmed(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _boot_commands(seed: Seed) -> str:
    pairs = " ".join(f"{card.mac}={card.name}" for card in facts.cards(seed))
    commands = [_RENAME.format(pairs=pairs), *_boot_scripts(seed.config)]
    return "bootcmd:\n" + "".join("- |\n" + _indented(each, 2) for each in commands)


def _boot_scripts(config: Config) -> Iterator[str]:
    """Scripts of mode `boot`; cloud-init makes one script of all commands, so each runs in a shell of its own, and what
    became of it is noted for the guest agent, which comes later."""
    exports = "".join(f"{key}={value}\n" for key, value in parameters(config))
    head = f"while IFS= read -r line; do export \"${{line?}}\"; done <<'EOF'\n{exports}EOF\n" if exports else ""
    scripts = {number: entry.script for number, entry in enumerate(config.provision) if entry.mode == "boot"}
    if scripts:
        yield _EARLY
    for number, script in scripts.items():
        yield (f"lima_begin {number:08}\n(\n{head}{script.rstrip()}\n) >/run/lima-early-output 2>&1\n"
               f"lima_end {number:08} $?\n")
    if scripts:
        yield 'exit "$lima_code"\n'
