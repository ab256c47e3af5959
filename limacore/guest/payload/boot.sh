#!/bin/sh
# The order of a guest's boot, run as root at every boot. The variables of lima.env and param.env are exported to
# everything below; each script's begin and end goes to the guest agent, the output to the boot log.
# shellcheck disable=SC2317 # functions that `step` calls
set -eu

system=$(uname -s)
case $system in Linux) run=/run ;; *) run=/var/run ;; esac
progress=$run/lima-boot-progress
mark=$run/lima-boot-done
log=${LIMA_BOOT_LOG:-/var/log/lima-boot.log}
[ -e "$log" ] || log=/var/log/cloud-init-output.log
LIMA_REBOOT_REQUIRED=$run/lima-reboot-required
export LIMA_REBOOT_REQUIRED
code=0

say() { # uptime instead of a date: a program per line would cost an emulated guest half its boot
    now
    echo "LIMA [$up]| $*"
}

warn() {
    echo "LIMA $(date -Iseconds)| WARNING: $*"
    code=1
}

now() { # seconds since boot into $up
    if [ -r /proc/uptime ]; then read -r up _ </proc/uptime; else up=$(date +%s); fi
}

poke() { # tells the agent to look; opened for both ways, because that never waits for a reader
    [ ! -p "$run/lima-guestagent.fifo" ] || { echo >&3; } 3<>"$run/lima-guestagent.fifo"
}

note() { # a line of progress for the agent
    echo "$*" >>"$progress"
    poke
}

is_name() { # whether the shell could export a variable of this name
    case $1 in '' | [0-9]* | *[!A-Za-z0-9_]*) return 1 ;; esac
}

export_lines() { # KEY=value lines, taken as they are
    while IFS= read -r line || [ -n "$line" ]; do
        if is_name "${line%%=*}" && [ "${line%%=*}" != "$line" ]; then export "${line?}"; fi
    done <"$1"
}

normalised() { # /etc/environment as pam_env reads it: no comments, no `export`, no quotes around values
    sed -e 's/^[[:space:]]*//' -e 's/^export[[:space:]]*//' -e 's/[[:space:]]*#.*$//' \
        -e "s/^\([A-Za-z0-9_]*=\)[\"']/\1/" -e "/=/s/[\"']\$//" "$1"
}

value() { # value NAME: the content of a variable whose name is computed
    eval "printf '%s' \"\${$1-}\""
}

step() { # step LABEL COMMAND...: runs it between two notes, its result is in $status
    label=$1
    shift
    say "Executing $label"
    begin="LIMA [$up]| Executing $label"
    note "start $up $label"
    set +e
    (
        set -e
        "$@"
    )
    status=$?
    set -e
    if [ "$status" -ne 0 ]; then
        say "$label ended with code $status"
        printed "$begin" "LIMA [$up]| $label ended with code $status" >>"$progress" || true
    fi
    now
    note "end $up $status $label"
}

nap() { # a fifth of a second, where sleep knows parts of one
    sleep 0.2 2>/dev/null || sleep 1
}

printed() { # printed BEGIN END: the last lines that the log has between these two, for the agent
    tries=0
    # The log is written by another process, which may be behind.
    until tail -n 60 "$log" 2>/dev/null | grep -q -F "$2"; do
        tries=$((tries + 1))
        [ "$tries" -lt 10 ] || return 0
        nap
    done
    inside=""
    tail -n 60 "$log" | grep -q -F "$1" || inside=yes # it printed more than that
    tail -n 60 "$log" | while IFS= read -r line; do
        case $line in
        "$1") inside=yes ;;
        *"$2") echo "$inside${line%"$2"}" ;;
        *) echo "$inside$line" ;;
        esac
    done | sed -n 's/^yes\(..*\)/out \1/p' | tail -n 20
}

execute() { # our own scripts run in a copy of this shell, which starts quicker than a new one
    read -r first <"$1"
    # shellcheck source=/dev/null
    if [ "$first" = '#!/bin/sh' ]; then . "$1"; else "$1"; fi
}

scripts() { # scripts FOLDER: every *.sh in it, in order
    for script in "$LIMA_CIDATA_MNT/$1"/*.sh; do
        [ -f "$script" ] || continue
        case $script in
        */30-install-packages.sh) dependencies || continue ;;
        esac
        step "$1/${script##*/}" execute "$script"
        [ "$status" -eq 0 ] || warn "Failed to execute $script"
    done
}

dependencies() { # scripts of mode `dependency` come before our own packages, which are left where one of them fails
    for file in "$LIMA_CIDATA_MNT"/provision.dependency/*; do
        [ -f "$file" ] || continue
        step "provision.dependency/${file##*/}" "$file"
        [ "$status" -eq 0 ] || { warn "Failed to execute $file" && return 1; }
    done
}

as_owner() { # as_owner OWNER[:GROUP] COMMAND...
    owner=${1%%:*}
    shift
    if [ "$owner" = root ]; then "$@"; else sudo -iu "$owner" "$@"; fi
}

data_file() { # data_file NUMBER: content into its place, with owner and permissions
    path=$(value "LIMA_CIDATA_DATAFILE_$1_PATH")
    whose=$(value "LIMA_CIDATA_DATAFILE_$1_OWNER")
    if [ -e "$path" ] && [ "$(value "LIMA_CIDATA_DATAFILE_$1_OVERWRITE")" = false ]; then
        say "$path exists and is left as it is"
        return
    fi
    folder=$(dirname "$path")
    [ -d "$folder" ] || as_owner "$whose" mkdir -p "$folder" || mkdir -p "$folder"
    cp "$LIMA_CIDATA_MNT/provision.data/$1" "$path"
    chown "$whose" "$path"
    chmod "$(value "LIMA_CIDATA_DATAFILE_$1_PERMISSIONS")" "$path"
}

yq_file() { # yq_file NUMBER: the host does it, which knows the language, as soon as it hears that this step has begun
    answer=$run/lima-yq/$1
    tries=0
    until [ -e "$answer" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 1500 ] || { echo "the host did not edit the file" && return 1; }
        nap
    done
    { read -r result && cat; } <"$answer"
    return "$result"
}

user_session() { # on systemd the user's own manager must be up, when the user has one that lingers
    [ -e "/var/lib/systemd/linger/$LIMA_CIDATA_USER" ] || return 0
    tries=0
    until [ -e "/run/user/$LIMA_CIDATA_UID/systemd/private" ] || [ "$tries" -ge 120 ]; do
        say "Waiting for the user session of $LIMA_CIDATA_USER"
        tries=$((tries + 1))
        sleep 1
    done
}

parameters() { # names of the exported PARAM_ variables, with commas
    env | sed -n 's/^\(PARAM_[A-Za-z0-9_]*\)=.*/\1/p' | tr '\n' ',' | sed 's/,$//'
}

user_script() { # user_script FILE: in a login shell of the user
    copy=$LIMA_CIDATA_HOME/.lima-user-script
    trap 'rm -f "$copy"' EXIT
    cp "$1" "$copy"
    chown "$LIMA_CIDATA_USER" "$copy"
    chmod 755 "$copy"
    sudo -iu "$LIMA_CIDATA_USER" "--preserve-env=$(parameters)" \
        "XDG_RUNTIME_DIR=/run/user/$LIMA_CIDATA_UID" "$copy"
}

password() { # for users who need one with sudo: made once, readable only for them
    [ -z "${LIMA_CIDATA_PASSWORDLESS_SUDO:-}" ] && [ ! -e "$LIMA_CIDATA_HOME/.lima-password-set" ] || return 0
    secret=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
    echo "$LIMA_CIDATA_USER:$secret" | chpasswd
    (umask 077 && echo "$secret" >"$LIMA_CIDATA_HOME/password")
    touch "$LIMA_CIDATA_HOME/.lima-password-set"
    chown "$LIMA_CIDATA_USER" "$LIMA_CIDATA_HOME/password" "$LIMA_CIDATA_HOME/.lima-password-set"
}

provision() { # what the user of the instance asked for, in the order of its kinds
    for file in "$LIMA_CIDATA_MNT"/provision.data/*; do
        [ -f "$file" ] || continue
        step "provision.data/${file##*/}" data_file "${file##*/}"
        [ "$status" -eq 0 ] || exit "$status"
    done
    for file in "$LIMA_CIDATA_MNT"/provision.yq/*; do
        [ -f "$file" ] || continue
        # A plain guest has no agent, which would tell the host that a file waits for it.
        [ -z "${LIMA_CIDATA_PLAIN:-}" ] || { warn "mode yq does not work in plain mode: $file" && continue; }
        step "provision.yq/${file##*/}" yq_file "${file##*/}"
        [ "$status" -eq 0 ] || warn "Failed to process $file"
    done
    for file in "$LIMA_CIDATA_MNT"/provision.system/*; do
        [ -f "$file" ] || continue
        step "provision.system/${file##*/}" "$file"
        [ "$status" -eq 0 ] || warn "Failed to execute $file"
    done
    for file in "$LIMA_CIDATA_MNT"/provision.user/*; do
        [ -f "$file" ] || continue
        user_session
        step "provision.user/${file##*/}" user_script "$file"
        [ "$status" -eq 0 ] || warn "Failed to execute $file (as user $LIMA_CIDATA_USER)"
    done
}

rm -rf "$mark" "$LIMA_REBOOT_REQUIRED" "$run/lima-yq"
cat "$run/lima-early-progress" >"$progress" 2>/dev/null || : # what ran before this volume was mounted
export_lines "$LIMA_CIDATA_MNT/lima.env"
export_lines "$LIMA_CIDATA_MNT/param.env"
normalised "$LIMA_CIDATA_MNT/etc_environment" >"$run/lima-environment"
export_lines "$run/lima-environment"
rm -f "$run/lima-environment"
PATH=$LIMA_CIDATA_MNT/util:$PATH
export PATH

scripts "boot.essential.$system"
[ -n "${LIMA_CIDATA_PLAIN:-}" ] || scripts "boot.$system"
provision
password
if [ -e "$LIMA_REBOOT_REQUIRED" ]; then
    say "A reboot was asked for: the boot is not finished before it"
else
    echo "$LIMA_CIDATA_IID" >"$mark"
    poke
fi
say "Exiting with code $code"
exit "$code"
