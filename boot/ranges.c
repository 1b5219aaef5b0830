/* SPDX-License-Identifier: MIT */
/* Lists of physical ranges in struct boot_info. */
#include <quire/boot_info.h>

bool boot_add_range(struct boot_range *list, unsigned *nr, u64 start, u64 size)
{
    if (!size)
        return true;
    if (*nr >= BOOT_MAX_RANGES)
        return false;
    list[(*nr)++] = (struct boot_range){mk_paddr(start), size};
    return true;
}
