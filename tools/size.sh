#!/bin/sh
# SPDX-License-Identifier: MIT
# Lines of code, without blanks and comments, room by room, beside the room's limit. cloc counts them. What only debug
# kernels have of base/ and mm/ is counted by itself, in check/; all other wings are a part of their room. Headers in
# include/ belong to no room; an architecture is counted without its user side and its native tests.
set -eu

if [ $# -eq 0 ] || [ "$1" = --help ]; then
    echo "usage: tools/size.sh MACHINE...    (people type: make size)"
    exit 0
fi

# The limits; a room that isn't listed has no limit of its own.
budgets()
{
    cat <<END
base 600
base/check 400
mm 4500
mm/frames 700
mm/check 150
mm/tables 850
mm/folios 650
mm/parts 400
mm/holes 600
mm/spaces 1700
mm/faults 800
uv 1500
kernel 3000
look 700
boot 1000
lib 800
END
    for arch; do
        echo "arch/$arch 1500"
    done
}

rooms() # MACHINE...: in the order of the README; wings below their room
{
    for room in boot base mm uv kernel look lib; do
        find "$room" -maxdepth 1 -type d | LC_ALL=C sort
    done
    printf 'arch/%s\n' "$@"
}

# FILE LINES
count()
{
    list=$(mktemp)
    find boot base mm uv kernel look lib arch -name '*.[chS]' -not -path 'arch/*/user/*' -not -path 'arch/*/native/*' >"$list"
    cloc --quiet --csv --by-file --skip-uniqueness --list-file="$list" | awk -F, '$2 ~ /^[a-z]+\// { print $2, $5 }'
    rm -f "$list"
}

{
    budgets "$@" | sed 's/^/budget /'
    rooms "$@" | sed 's/^/room /'
    count | sed 's/^/file /'
} | awk '
    $1 == "budget" { budget[$2] = $3 }
    $1 == "room" { room[++nr] = $2 }
    function is_in(file, room) {
        return index(file, room "/") == 1 && !(room ~ /^(base|mm)$/ && file ~ /^[a-z]+\/check\//)
    }
    $1 == "file" { for (i = 1; i <= nr; i++) if (is_in($2, room[i])) lines[room[i]] += $3 }
    END {
        print "                    lines  budget"
        for (i = 1; i <= nr; i++) {
            name = shown = room[i]
            if (name !~ /^arch/)
                sub(/^[a-z]+\//, "  ", shown) # a wing
            over = budget[name] ? lines[name] - budget[name] : 0
            mark = over > 0 ? "  over by " over : ""
            printf "%-17s %7d %7s%s\n", shown, lines[name], budget[name] ? budget[name] : ".", mark
        }
    }
'
