#!/bin/sh
# Users with a number below 1000 (macOS begins at 501) are system users to systemd, and may not read their own journal.
set -eu

[ "$LIMA_CIDATA_UID" -lt 1000 ] && [ "$LIMA_CIDATA_UID" -ne 0 ] || exit 0
grep -q '^systemd-journal:' /etc/group || exit 0
usermod -a -G systemd-journal "$LIMA_CIDATA_USER"
