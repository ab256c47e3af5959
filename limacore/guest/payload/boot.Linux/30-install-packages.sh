#!/bin/sh
# Scripts of mode `dependency`, then the few packages that this instance needs and the image lacks.
set -eu

lacks() { ! command -v "$1" >/dev/null 2>&1; }

for script in "$LIMA_CIDATA_MNT"/provision.dependency/*; do
    [ ! -f "$script" ] || "$script"
done
[ -z "${LIMA_CIDATA_SKIP_DEFAULT_DEPENDENCY_RESOLUTION:-}" ] || exit 0

set --
if [ "$LIMA_CIDATA_MOUNTTYPE" = reverse-sshfs ] && [ "${LIMA_CIDATA_MOUNTS:-0}" -gt 0 ] && lacks sshfs; then
    if lacks dnf; then set -- "$@" sshfs; else set -- "$@" fuse-sshfs; fi
fi
if [ -n "$LIMA_CIDATA_CONTAINERD_USER$LIMA_CIDATA_CONTAINERD_SYSTEM" ] ||
    [ "${LIMA_CIDATA_UDP_DNS_LOCAL_PORT:-0}" -ne 0 ]; then
    if lacks iptables; then set -- "$@" iptables; fi
fi
if lacks rsync; then set -- "$@" rsync; fi
[ "$#" -gt 0 ] || exit 0
if ! lacks apt-get; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update
    apt-get install -y --no-upgrade --no-install-recommends -q "$@"
elif ! lacks dnf; then
    dnf install -y --setopt=install_weak_deps=False "$@"
elif ! lacks zypper; then
    zypper --non-interactive install -y --no-recommends "$@"
elif ! lacks pacman; then
    pacman -Sy --noconfirm "$@"
elif ! lacks apk; then
    apk add --update "$@"
else
    echo "no known package manager: cannot install $*" >&2
    exit 1
fi
