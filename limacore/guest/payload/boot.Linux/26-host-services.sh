#!/bin/sh
# Sockets of the host that are forwarded into the guest get a place of the user's own.
set -eu

[ -d /run/host-services ] || mkdir -m 0700 /run/host-services
chown "$LIMA_CIDATA_USER" /run/host-services
