#!/bin/sh
# Alpine's images bring a user `alpine` with the number that ours needs: it goes, and cloud-init begins once more.
set -eu

[ -f /etc/alpine-release ] || exit 0
if [ -d /etc/sudoers.d ] && [ ! -e /etc/sudoers.d/00-root-user ]; then
    (umask 0337 && echo "root ALL=(ALL) NOPASSWD:ALL" >/etc/sudoers.d/00-root-user)
fi
[ "$LIMA_CIDATA_USER" != alpine ] && [ "$(id -u alpine 2>/dev/null)" = 1000 ] || exit 0
deluser --remove-home alpine 2>/dev/null || deluser alpine
cloud-init clean --logs
touch "$LIMA_REBOOT_REQUIRED"
reboot
