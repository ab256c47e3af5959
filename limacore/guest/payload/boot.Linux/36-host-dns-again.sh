#!/bin/sh
# 09-host-dns-setup found nothing to work with when iptables had to be installed first.
set -eu

[ "${LIMA_CIDATA_UDP_DNS_LOCAL_PORT:-0}" -ne 0 ] || exit 0
command -v iptables >/dev/null 2>&1 || exit 0
iptables -w -t nat -L LIMADNS >/dev/null 2>&1 || exec "$LIMA_CIDATA_MNT/boot.Linux/09-host-dns-setup.sh"
