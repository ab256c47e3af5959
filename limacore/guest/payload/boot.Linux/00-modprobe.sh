#!/bin/sh
# Modules that containers and mounts of users ask for, who may not load any themselves; nothing waits for them.
set -eu

[ -d /run/systemd/system ] || [ -d /run/openrc ] || exit 0
command -v modprobe >/dev/null 2>&1 || exit 0
for module in fuse tun tap bridge veth overlay ip_tables ip6_tables iptable_nat ip6table_nat iptable_filter \
    ip6table_filter nf_tables nf_nat br_netfilter xt_MASQUERADE xt_REDIRECT xt_addrtype xt_comment xt_conntrack \
    xt_mark xt_multiport xt_nat xt_tcpudp; do
    modprobe -q "$module" || true
done >/dev/null 2>&1 &
