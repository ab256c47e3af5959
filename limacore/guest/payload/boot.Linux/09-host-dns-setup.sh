#!/bin/sh
# Questions to the name server of the built-in network go to the one that the host runs for this instance.
set -eu

udp=${LIMA_CIDATA_UDP_DNS_LOCAL_PORT:-0}
tcp=${LIMA_CIDATA_TCP_DNS_LOCAL_PORT:-0}
host=$LIMA_CIDATA_SLIRP_GATEWAY

by_iptables() {
    iptables -w -t nat -N LIMADNS 2>/dev/null || iptables -w -t nat -F LIMADNS
    for chain in PREROUTING OUTPUT; do
        iptables -w -t nat -C "$chain" -j LIMADNS 2>/dev/null || iptables -w -t nat -I "$chain" 1 -j LIMADNS
    done
    [ "$udp" -ne 0 ] || return 0
    iptables -w -t nat -A LIMADNS -d "$LIMA_CIDATA_SLIRP_DNS" -p udp --dport 53 -j DNAT --to-destination "$host:$udp"
    iptables -w -t nat -A LIMADNS -d "$LIMA_CIDATA_SLIRP_DNS" -p tcp --dport 53 -j DNAT --to-destination "$host:$tcp"
}

rules() { # the body of a chain of nft
    echo "type nat hook $1 priority -101;"
    [ "$udp" -ne 0 ] || return 0
    echo "ip daddr $LIMA_CIDATA_SLIRP_DNS udp dport 53 dnat to $host:$udp;"
    echo "ip daddr $LIMA_CIDATA_SLIRP_DNS tcp dport 53 dnat to $host:$tcp;"
}

by_nft() { # an old table goes and the new one comes in one step
    nft -f - <<RULES
table ip limadns
delete table ip limadns
table ip limadns {
    chain prerouting { $(rules prerouting) }
    chain output { $(rules output) }
}
RULES
}

if command -v iptables >/dev/null 2>&1; then
    by_iptables
elif command -v nft >/dev/null 2>&1; then
    by_nft
fi
