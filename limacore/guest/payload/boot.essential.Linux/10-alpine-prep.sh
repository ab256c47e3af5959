#!/bin/sh
# What Alpine's images lack for a login with a key and for forwarding: repositories, sudo, sshd's settings, the power button.
set -eu

[ -f /etc/alpine-release ] || exit 0

release_branch() { # 3.21.2 -> v3.21; a development release is `edge`
    read -r release </etc/alpine-release
    case $release in
    *_alpha* | *_beta* | *_rc*) echo edge ;;
    *) echo "v${release%.*}" ;;
    esac
}

repositories() {
    file=/etc/apk/repositories
    mirror=$(sed -n 's|^\(https*://.*\)/[^/]*/main/*$|\1|p' "$file" 2>/dev/null | head -n 1)
    [ -n "$mirror" ] || mirror=https://dl-cdn.alpinelinux.org/alpine
    branch=$(release_branch)
    for part in main community; do
        grep -q "^[^#].*/$branch/$part/*\$" "$file" 2>/dev/null || echo "$mirror/$branch/$part" >>"$file"
    done
}

sshd_setting() { # sshd_setting NAME VALUE: true when that changed the file
    file=/etc/ssh/sshd_config
    ! grep -q "^$1 $2\$" "$file" || return 1
    sed -i "s/^#\{0,1\}$1 .*/$1 $2/" "$file"
    grep -q "^$1 $2\$" "$file" || printf '%s %s\n' "$1" "$2" >>"$file"
}

repositories
command -v sudo >/dev/null 2>&1 || apk add --no-progress sudo
# An account whose password is `!` is locked for keys, too.
if grep -q "^$LIMA_CIDATA_USER:!:" /etc/shadow; then
    sed -i "s/^$LIMA_CIDATA_USER:!:/$LIMA_CIDATA_USER:*:/" /etc/shadow
fi
changed=""
! sshd_setting AllowTcpForwarding yes || changed=yes
if [ -e /etc/pam.d/sshd ] && sshd_setting UsePAM yes; then changed=yes; fi
[ -z "$changed" ] || rc-service --ifstarted sshd reload
if [ -e /etc/init.d/acpid ]; then
    rc-update -q add acpid default || true
    rc-service --ifstopped acpid start
fi
