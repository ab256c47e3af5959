#!/bin/sh
# containerd, BuildKit and nerdctl from the archive in cidata: unpacked when it brings another nerdctl than is there,
# set up for the system, for the user, or for both.
set -eu

[ -n "$LIMA_CIDATA_CONTAINERD_USER$LIMA_CIDATA_CONTAINERD_SYSTEM" ] || exit 0
archive=$LIMA_CIDATA_MNT/${LIMA_CIDATA_CONTAINERD_ARCHIVE:-nerdctl-full.tgz}
if [ ! -r "$archive" ]; then
    echo "the archive with containerd could not be had by the host" >&2
    exit 0
fi
if [ ! -d /run/systemd/system ]; then
    echo "containerd is set up on systems with systemd only" >&2
    exit 1
fi
prefix=$LIMA_CIDATA_GUEST_INSTALL_PREFIX
nerdctl=$prefix/bin/nerdctl
config=$LIMA_CIDATA_HOME/.config
runtime=/run/user/$LIMA_CIDATA_UID

as_user() { # as_user COMMAND...: with the user's own systemd in reach
    sudo -iu "$LIMA_CIDATA_USER" "XDG_RUNTIME_DIR=$runtime" "PATH=$prefix/bin:$PATH:/usr/sbin:/sbin" "$@"
}

rootless() {
    as_user containerd-rootless-setuptool.sh "$@"
}

# --- The files ---

is_other() { # whether the archive's nerdctl is newer than ours, told by the time that tar keeps
    [ -x "$nerdctl" ] || return 0
    new=$(mktemp -d)
    tar -C "$new" -x -z -f "$archive" bin/nerdctl
    [ "$(stat -c %Y "$new/bin/nerdctl")" -gt "$(stat -c %Y "$nerdctl")" ] && other=yes || other=""
    rm -rf "$new"
    [ -n "$other" ]
}

stop_the_old() {
    systemctl disable --now containerd buildkit stargz-snapshotter 2>/dev/null || true
    [ -e "$config/systemd/user/containerd.service" ] || return 0
    for part in uninstall-stargz uninstall-fuse-overlayfs uninstall-buildkit-containerd uninstall; do
        rootless "$part" || true
    done
}

unpack() {
    [ ! -x "$nerdctl" ] || stop_the_old
    mkdir -p "$prefix"
    tar -C "$prefix" -x -z -f "$archive" --no-same-owner
    completions=/etc/bash_completion.d
    [ ! -d "$completions" ] || "$nerdctl" completion bash >"$completions/nerdctl" || true
}

write_once() { # write_once FILE: stdin, unless somebody has written the file
    if [ -e "$1" ]; then cat >/dev/null; else mkdir -p "${1%/*}" && cat >"$1"; fi
}

snapshotter() { # snapshotter NAME SOCKET: an entry of containerd's proxy plugins
    printf '  [proxy_plugins."%s"]\n    type = "snapshot"\n    address = "%s"\n' "$1" "$2"
}

# --- For the system ---

system_settings() {
    cat <<'CONTAINERD'
version = 2
imports = ["/etc/containerd/conf.d/*.toml"]
[plugins]
  [plugins."io.containerd.grpc.v1.cri"]
    enable_cdi = true
[proxy_plugins]
CONTAINERD
    snapshotter stargz /run/containerd-stargz-grpc/containerd-stargz-grpc.sock
}

build_settings() {
    cat <<'BUILDKIT'
[worker.oci]
  enabled = false

[worker.containerd]
  enabled = true
  namespace = "default"
  snapshotter = "overlayfs"
BUILDKIT
}

for_the_system() {
    system_settings | write_once /etc/containerd/config.toml
    build_settings | write_once /etc/buildkit/buildkitd.toml
    systemctl daemon-reload
    systemctl enable --now containerd buildkit stargz-snapshotter
}

# --- For the user ---

user_settings() {
    printf 'version = 2\n[plugins]\n  [plugins."io.containerd.grpc.v1.cri"]\n    enable_cdi = true\n[proxy_plugins]\n'
    snapshotter fuse-overlayfs "$runtime/containerd-fuse-overlayfs.sock"
    snapshotter stargz "$runtime/containerd-stargz-grpc/containerd-stargz-grpc.sock"
}

allow_namespaces() { # AppArmor 4 asks for a profile where users may make namespaces of their own
    flag=/proc/sys/kernel/apparmor_restrict_unprivileged_userns
    [ -r "$flag" ] && [ "$(cat "$flag")" = 1 ] && [ -e /etc/apparmor.d/abi/4.0 ] || return 0
    profile=/etc/apparmor.d/$(echo "${prefix#/}" | tr / .).bin.rootlesskit
    [ ! -e "$profile" ] || return 0
    cat >"$profile" <<PROFILE
abi <abi/4.0>,
include <tunables/global>

$prefix/bin/rootlesskit flags=(unconfined) {
  userns,
  include if exists <local/${profile##*/}>
}
PROFILE
    systemctl restart apparmor.service
}

user_manager() { # waits for the user's own systemd
    tries=0
    until [ -e "$runtime/systemd/private" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 120 ] || { echo "the user's systemd is not up" >&2 && return 1; }
        sleep 1
    done
}

kernel_has() { # kernel_has MAJOR MINOR
    release=$(uname -r)
    major=${release%%.*}
    minor=${release#*.}
    minor=${minor%%[!0-9]*}
    [ "$major" -gt "$1" ] || { [ "$major" -eq "$1" ] && [ "$minor" -ge "$2" ]; }
}

install_parts() { # called where `set -e` does not hold
    rootless install || return
    rootless install-buildkit-containerd || return
    # shellcheck disable=SC2016 # the user's shell knows
    case $(as_user sh -lc 'echo "${CONTAINERD_SNAPSHOTTER-}"') in
    fuse-overlayfs) rootless install-fuse-overlayfs || return ;;
    esac
    if kernel_has 5 13; then rootless install-stargz || return; fi
}

for_the_user() {
    user_settings | write_once "$config/containerd/config.toml"
    chown -R "$LIMA_CIDATA_USER" "$config"
    allow_namespaces
    [ ! -e "$config/systemd/user/containerd.service" ] || return 0
    user_manager
    enforcing=""
    if command -v getenforce >/dev/null 2>&1 && [ "$(getenforce)" = Enforcing ]; then
        enforcing=yes
        setenforce 0
    fi
    as_user systemctl --user enable --now dbus.socket || true
    code=0
    install_parts || code=$?
    [ -z "$enforcing" ] || setenforce 1
    return "$code"
}

if is_other; then unpack; fi
if [ -n "$LIMA_CIDATA_CONTAINERD_SYSTEM" ]; then for_the_system; fi
if [ -n "$LIMA_CIDATA_CONTAINERD_USER" ]; then for_the_user; fi
