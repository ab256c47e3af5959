#!/bin/sh
# Logins and scripts ask for /bin/bash: where there is none, busybox's shell answers to the name.
set -eu

[ -f /etc/alpine-release ] && [ ! -e /bin/bash ] || exit 0
cat >/bin/bash <<'SHELL'
#!/bin/sh
exec /bin/busybox ash "$@"
SHELL
chmod 755 /bin/bash
