#!/bin/sh
# Mount points for reverse-sshfs, and the guest agent as a service that comes back by itself.
set -eu

mount_points() {
    number=0
    point=""
    while [ "$number" -lt "${LIMA_CIDATA_MOUNTS:-0}" ]; do
        eval "point=\${LIMA_CIDATA_MOUNTS_${number}_MOUNTPOINT}"
        mkdir -p "$point"
        mountpoint -q "$point" || chown "$LIMA_CIDATA_USER" "$point"
        number=$((number + 1))
    done
}

install_agent() { # true when the installed file changed
    ! cmp -s "$source" "$target" || return 1
    mkdir -p "${target%/*}"
    cp "$source" "$target.new"
    chmod 755 "$target.new"
    mv -f "$target.new" "$target"
}

write_if_other() { # write_if_other FILE: stdin into FILE; true when that changed it
    cat >"$1.new"
    if cmp -s "$1.new" "$1"; then
        rm -f "$1.new"
        return 1
    fi
    mv -f "$1.new" "$1"
}

systemd_unit() {
    cat <<UNIT
[Unit]
Description=Guest agent of the virtual machine's host

[Service]
Type=simple
ExecStart=$command
Restart=on-failure
OOMPolicy=continue
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
UNIT
}

openrc_service() {
    cat <<SERVICE
#!/sbin/openrc-run
supervisor=supervise-daemon
name=lima-guestagent
command=$target
command_args="${command#"$target "}"
output_log=/var/log/lima-guestagent.log
error_log=/var/log/lima-guestagent.log
SERVICE
}

[ "$LIMA_CIDATA_MOUNTTYPE" != reverse-sshfs ] || mount_points
source=$LIMA_CIDATA_MNT/lima-guestagent
[ -r "$source" ] || exit 0
[ ! -d /usr/lib/tiny ] || exit 0 # the tiny guest's own init runs the agent from cidata
target=$LIMA_CIDATA_GUEST_INSTALL_PREFIX/bin/lima-guestagent
command="$target daemon --socket-owner $LIMA_CIDATA_UID"
[ -z "${LIMA_CIDATA_VIRTIO_PORT:-}" ] || command="$command --virtio-port $LIMA_CIDATA_VIRTIO_PORT"
[ "${LIMA_CIDATA_VSOCK_PORT:-0}" -eq 0 ] || command="$command --vsock-port $LIMA_CIDATA_VSOCK_PORT"

changed=""
! install_agent || changed=yes
if [ -d /run/systemd/system ]; then
    unit=/etc/systemd/system/lima-guestagent.service
    [ ! -e "$unit" ] || known=yes
    if systemd_unit | write_if_other "$unit"; then
        changed=yes
        # systemd reads a unit that is new to it by itself; reading all units anew takes an emulated guest seconds.
        [ -z "${known:-}" ] || systemctl daemon-reload
    fi
    systemctl --quiet --no-reload enable lima-guestagent.service
    systemctl "$([ -n "$changed" ] && echo restart || echo start)" lima-guestagent.service
elif command -v rc-update >/dev/null 2>&1; then
    ! openrc_service | write_if_other /etc/init.d/lima-guestagent || changed=yes
    chmod 755 /etc/init.d/lima-guestagent
    rc-update add lima-guestagent default
    rc-service lima-guestagent "$([ -n "$changed" ] && echo restart || echo start)"
fi
