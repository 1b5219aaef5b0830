#!/bin/sh
# SPDX-License-Identifier: MIT
# Starts one machine under QEMU for a person (or, with RUN=, for a script) and passes the result on in its own exit
# status. The options come in the environment and were checked by tools/options.sh.
set -eu

usage()
{
    echo "usage: [CPUS=4] [MEM=1G] [RUN=...] [APPEND=...] [SEED=N] [TIMEOUT=600] tools/qemu.sh [--gdb] MACHINE"
    echo "       tools/qemu.sh --gdb-port                the port where --gdb lets gdb connect"
    echo "People type: make qemu-MACHINE, make qemu-MACHINE-gdb."
}

port=${GDB_PORT:-$((1234 + $(id -u) % 10000))} # of this user: several people may share a machine
gdb=
case ${1:---help} in
--help)
    usage
    exit 0
    ;;
--gdb-port)
    echo "$port"
    exit 0
    ;;
--gdb)
    gdb=yes
    shift
    ;;
esac
arch=$1
eval "$(MAKEFLAGS='' "${MAKE:-make}" -s -f build.mk ARCH="$arch" describe)"

SOCKET_NAME_MAX=90 # the system's limit is 107, with a file's name

cpus=${CPUS:-4}
mem=${MEM:-1G}
case $mem in
*G) mib=$((${mem%G} * 1024)) ;;
*) mib=${mem%M} ;;
esac
machine="$cpus CPUs, $mib MiB"
[ "$cpus" -ne 1 ] || machine="1 CPU, $mib MiB"
append="${RUN:+run=\"$RUN\" }${SEED:+seed=$SEED }${APPEND:-}"

# shellcheck disable=SC2086 # QEMU_ARGS is a list of words
set -- "$QEMU" $QEMU_ARGS -smp "$cpus" -m "$mem" -kernel "$BOOT_FILE" -initrd "$INITRD"
# Each run has a folder of its own, so that several can go on at once. It has two sockets for reading a paused machine;
# tools/ptwalk and tools/memory_map look at the machine that was started last.
here=$(mktemp -d "$OUT/run.XXXXXX")
link=$(basename "$here")
if [ ${#here} -gt "$SOCKET_NAME_MAX" ]; then # no socket can have so long a name
    rmdir "$here"
    here=$(mktemp -d)
    link=$here
fi
trap 'rm -rf "$here"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
for socket in qmp gdb; do
    ln -sfn "$link/$socket.sock" "$OUT/$socket.sock"
done
set -- "$@" -qmp "unix:$here/qmp.sock,server=on,wait=off"
[ -n "$gdb" ] || set -- "$@" -gdb "unix:$here/gdb.sock,server=on,wait=off"
[ -z "$append" ] || set -- "$@" -append "$append"
[ -z "${CPU:-}" ] || set -- "$@" -cpu "$CPU"
[ -z "${SEED:-}" ] || set -- "$@" -seed "$SEED"
[ -z "$gdb" ] || set -- "$@" -S -gdb "tcp:127.0.0.1:$port"
[ -z "${V:-}" ] || echo "$*"

# Whether the firmware's banner is shown as one line.
folds() { [ -n "$FIRMWARE" ] && [ -z "${V:-}" ]; }
fold() { exec "${PYTHON:-python3}" -B tools/fold_banner.py "$FIRMWARE" "$FIRMWARE_LAST"; }

# The console of a command without a keyboard, on standard output.
show() { if folds; then fold; else exec cat; fi; }

# Runs the command at the terminal; sets status.
run_at_terminal() # COMMAND...
{
    if folds; then
        { "$@" && echo 0 >"$here/status" || echo $? >"$here/status"; } | fold
        read -r status <"$here/status"
    else
        "$@" && status=0 || status=$?
    fi
}

# QEMU's exit status as the kernel's: some machines can't end with every status.
kernel_status() # QEMU-STATUS
{
    case $ARCH_EXIT/$1 in
    isa-debug-exit/33) echo 0 ;;
    isa-debug-exit/0) echo left ;; # Ctrl-a x
    isa-debug-exit/*) if [ "$1" -gt 64 ]; then echo $((($1 - 65) / 2)); else echo "$1"; fi ;;
    *) echo "$1" ;;
    esac
}

say_how_to_leave()
{
    echo "[run]   $machine. Leave with \"poweroff\" or Ctrl-a x."
    [ -z "$gdb" ] || echo "[gdb]   In another terminal: make gdb-$arch${GDB_PORT:+ GDB_PORT=$GDB_PORT}, or for a" \
        "program too: make gdb-$arch PROG=hello${GDB_PORT:+ GDB_PORT=$GDB_PORT}"
}

# How many programs RUN= names: between quotes ; and & separate nothing.
programs_wanted()
{
    printf '%s' "$RUN" | tr '\n' ';' | sed "s/'[^']*'/word/g; s/[;&]/\\n/g" | grep -c '[^[:space:]]' || true
}

# What a pattern of sed finds in the last line of the console that it fits; programs may have printed any bytes.
last_in_log() # PATTERN
{
    tr -d '\r' <"$log" | LC_ALL=C sed -n "$1" | tail -n 1
}

# "2 of 3": how many programs, as init says, ended with status 0; nothing if it never said so. What stands before in the
# line is from a program that didn't end its last line.
programs_ended()
{
    last_in_log 's/^.*init: \([0-9]* of [0-9]*\) programs\{0,1\} ended with status 0$/\1/p'
}

missing_programs()
{
    if [ -n "$other" ]; then
        echo "$other did that, not init; RUN= asked for $wanted"
    elif [ -n "$ended" ]; then
        echo "init says that $ended programs ended with status 0; RUN= asked for $wanted"
    else
        echo "init never said how many of its programs ended; RUN= asked for $wanted"
    fi
}

# Without a keyboard; the console goes to a file as well, because its last line is part of the verdict.
run_and_judge()
{
    log=$here/log
    status_file=$here/status
    echo "[run]   $machine: $RUN"
    { timeout --foreground -k 5 "${TIMEOUT:-600}" "$@" </dev/null 2>&1 && echo 0 >"$status_file" || echo $? >"$status_file"; } |
        show | tee "$log"
    read -r status <"$status_file"
    if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
        echo "[run]   stopped: not finished after ${TIMEOUT:-600} s of real time" >&2
        exit 1
    fi
    said=$(last_in_log 's/^power off, status \([0-9]*\)$/\1/p')
    other=$(last_in_log 's/^\([^ ]* (process [0-9]*)\) powers the machine off$/\1/p')
    wanted=$(programs_wanted)
    ended=$(programs_ended)
    if [ "$(kernel_status "$status")" = 0 ] && [ "$said" = 0 ]; then
        [ -n "$other" ] || [ "$ended" != "$wanted of $wanted" ] || exit 0
        echo "[run]   failed: the machine powered off with status 0, but $(missing_programs)" >&2
    elif [ -n "$said" ]; then
        echo "[run]   failed: the machine powered off with status $said" >&2
    else
        echo "[run]   failed: the machine ended without saying \"power off\"" >&2
    fi
    exit 1
}

if [ -n "${RUN:-}" ] && [ -z "$gdb" ]; then
    run_and_judge "$@"
fi
say_how_to_leave
run_at_terminal "$@"
case $(kernel_status "$status") in
0 | left) exit 0 ;;
esac
echo "[run]   the machine ended with status $(kernel_status "$status")" >&2
exit 1
