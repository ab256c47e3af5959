#!/bin/sh
# The user's own systemd runs from boot on, and may share out the processor as it does memory.
set -eu

[ -d /run/systemd/system ] || exit 0
file=/etc/systemd/system/user@.service.d/lima.conf
if [ ! -e "$file" ]; then
    mkdir -p "${file%/*}"
    printf '[Service]\nDelegate=yes\n' >"$file"
    systemctl daemon-reload & # seconds in an emulated guest, and only the next start of the manager needs it
fi
[ -e "/var/lib/systemd/linger/$LIMA_CIDATA_USER" ] || loginctl enable-linger "$LIMA_CIDATA_USER"
