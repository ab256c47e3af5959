#!/bin/sh
# sshd takes COLORTERM from the client, so that programs know what the terminal can.
set -eu

main=/etc/ssh/sshd_config
[ -f "$main" ] && ! grep -qs '^AcceptEnv.*COLORTERM' "$main" /etc/ssh/sshd_config.d/*.conf || exit 0
if grep -qi '^Include /etc/ssh/sshd_config.d/' "$main"; then
    mkdir -p /etc/ssh/sshd_config.d
    echo "AcceptEnv COLORTERM" >/etc/ssh/sshd_config.d/10-acceptenv-colorterm.conf
elif grep -q '^AcceptEnv' "$main"; then
    sed -i '/^AcceptEnv/s/$/ COLORTERM/' "$main"
else
    echo "AcceptEnv COLORTERM" >>"$main"
fi
if [ -d /run/systemd/system ]; then
    systemctl --no-block try-reload-or-restart ssh.service sshd.service 2>/dev/null || true
elif command -v rc-service >/dev/null 2>&1; then
    rc-service --ifstarted sshd reload
fi
