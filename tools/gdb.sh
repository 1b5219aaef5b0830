#!/bin/sh
# SPDX-License-Identifier: MIT
# Starts gdb-multiarch and attaches it to the machine that `make qemu-MACHINE-gdb` has started, with the names and lines
# of the kernel and, with PROG=, of one program. The options come in the environment and were checked by
# tools/options.sh.
set -eu

case ${1:---help} in
--help)
    echo "usage: [PROG=NAME] [GDB_PORT=N] tools/gdb.sh MACHINE [OPTION OF GDB...]    (people type: make gdb-MACHINE)"
    exit 0
    ;;
esac
arch=$1
shift
eval "$(MAKEFLAGS='' "${MAKE:-make}" -s -f build.mk ARCH="$arch" describe)"
port=$(sh tools/qemu.sh --gdb-port)

# Port 1234 of 127.0.0.1, state 0A: somebody listens.
if [ -r /proc/net/tcp ] && ! grep -q "^ *[0-9]*: 0100007F:$(printf '%04X' "$port") [^ ]* 0A " /proc/net/tcp; then
    echo "[gdb]   no machine waits for gdb at port $port. Start one in another terminal: make qemu-$arch-gdb" >&2
    exit 1
fi

commands=$(mktemp)
trap 'rm -f "$commands"' EXIT
{
    echo "set architecture $ARCH_GDB"
    echo "set confirm off"
    echo "target remote 127.0.0.1:$port"
    if [ -n "${PROG:-}" ]; then
        program=$OUT/full/bin/$PROG
        [ -f "$program" ] || program=$OUT/full/tests/$PROG
        cat <<END
add-symbol-file $program
define go-to-main
    tbreak process_show_child if \$_streq(p->name, "$PROG")
    continue
    tbreak main
    continue
end
document go-to-main
Go on until $PROG has been started, and stop at its main().
Other programs have code at the same addresses, so a breakpoint that is set before that may stop in one of them.
end
echo go-to-main: goes on until somebody starts $PROG, and stops at its main()\n
END
    fi
} >"$commands"
gdb-multiarch -q -x "$commands" "$@" "$OUT/quire.elf"
