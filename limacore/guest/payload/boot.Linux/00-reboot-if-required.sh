#!/bin/sh
# cloud-init restarts after upgrades where apt says so; dnf says it by another program.
set -eu

[ -n "${LIMA_CIDATA_UPGRADE_PACKAGES:-}" ] && command -v dnf >/dev/null 2>&1 || exit 0
dnf needs-restarting --help >/dev/null 2>&1 || exit 0
if ! dnf needs-restarting --reboothint >/dev/null 2>&1; then
    touch "$LIMA_REBOOT_REQUIRED"
    systemctl reboot
fi
