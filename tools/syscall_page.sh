#!/bin/sh
# SPDX-License-Identifier: MIT
# The reference page of system calls, made from their table: sh tools/syscall_page.sh > docs/system-calls.md
if [ "${1:-}" = --help ]; then
    echo "usage: sh tools/syscall_page.sh > docs/system-calls.md"
    exit 0
fi
cd "$(dirname "$0")/.." || exit 1
cat <<'END'
<!-- SPDX-License-Identifier: MIT. Made by tools/syscall_page.sh from include/uapi/quire/syscall_table.h -->
# System calls

Programs call them as `quire_call(name, arguments...)` (`<quire/sys.h>`), or by POSIX names where POSIX has them.
Results below 0 are `-E...` numbers.

| number | name | arguments and result |
| ---: | --- | --- |
END
# shellcheck disable=SC2016  # backticks for Markdown
sed -nE 's/^ *X\(([0-9]+), ([a-z_]+), [0-9], "([^"]*)"\).*/| \1 | `\2` | \3 |/p' include/uapi/quire/syscall_table.h | sed 's/->/→/'
