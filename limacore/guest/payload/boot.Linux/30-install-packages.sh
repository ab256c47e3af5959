#!/bin/sh
# The few packages that this instance needs and the image lacks; scripts of mode `dependency` have run before.
set -eu

lacks() { ! command -v "$1" >/dev/null 2>&1; }

[ -z "${LIMA_CIDATA_SKIP_DEFAULT_DEPENDENCY_RESOLUTION:-}" ] || exit 0

is_apt() { # SUSE has a program of the same name that is a script around zypper
    ! lacks apt-get && [ "$(head -c 4 "$(command -v apt-get)" | tail -c 3)" = ELF ]
}

sshfs_package() {
    if ! lacks dnf || ! lacks yum; then echo fuse-sshfs; else echo sshfs; fi
}

set --
if [ "$LIMA_CIDATA_MOUNTTYPE" = reverse-sshfs ] && [ "${LIMA_CIDATA_MOUNTS:-0}" -gt 0 ] && lacks sshfs; then
    set -- "$@" "$(sshfs_package)"
fi
if [ -n "$LIMA_CIDATA_CONTAINERD_USER$LIMA_CIDATA_CONTAINERD_SYSTEM" ] && lacks iptables; then
    set -- "$@" iptables
fi
if [ -n "$LIMA_CIDATA_CONTAINERD_USER" ] && lacks newuidmap; then
    if is_apt; then set -- "$@" uidmap fuse3 dbus-user-session; else set -- "$@" shadow-utils fuse3; fi
fi
if lacks rsync; then set -- "$@" rsync; fi
needs_epel() { # Enterprise Linux has sshfs in a repository of its own
    case " $* " in *' fuse-sshfs '*) ;; *) return 1 ;; esac
    ! grep -qs '^ID="\{0,1\}fedora' /etc/os-release
}

from_epel() { # from_epel MANAGER PACKAGE...: which stays off afterwards
    manager=$1
    shift
    name=epel-release
    ! grep -qs '^ID="\{0,1\}ol"\{0,1\}$' /etc/os-release || name=oracle-epel-release-el$(rpm -E %rhel)
    "$manager" install -y "$name"
    sed -i 's/^enabled *= *1/enabled=0/' /etc/yum.repos.d/*epel*.repo
    "$manager" install -y --enablerepo='*epel*' "$@"
}

install() { # install PACKAGE...: with whatever manager this system has
    if is_apt; then
        export DEBIAN_FRONTEND=noninteractive
        apt-get update
        apt-get install -y --no-upgrade --no-install-recommends -q "$@"
    elif ! lacks dnf; then
        if needs_epel "$@"; then from_epel dnf "$@"; else dnf install -y --setopt=install_weak_deps=False "$@"; fi
    elif ! lacks yum; then
        if needs_epel "$@"; then from_epel yum "$@"; else yum install -y "$@"; fi
    elif ! lacks zypper; then
        zypper --non-interactive install -y --no-recommends "$@"
    elif ! lacks pacman; then
        pacman -Sy --noconfirm "$@"
    elif ! lacks apk; then
        apk add --update "$@"
    else
        echo "no known package manager: cannot install $*" >&2
        return 1
    fi
}

[ "$#" -eq 0 ] || install "$@"
# Last and dispensable: without it the hypervisor's own name server answers.
if [ "${LIMA_CIDATA_UDP_DNS_LOCAL_PORT:-0}" -ne 0 ] && lacks iptables && lacks nft; then
    install iptables || echo "names of hostResolver are not known in this guest: there is neither iptables nor nft" >&2
fi
