/* SPDX-License-Identifier: MIT */
/*
 * cachesan's data about the machine's RAM: the last store to each word, the instructions that stored, and the guest
 * address for a pointer into QEMU's own memory.
 *
 * QEMU's interface doesn't give this guest address. But QEMU keeps the RAM in one mapping of exactly its size, so the
 * mapping in /proc/self/maps that holds the pointer shows the address; code elsewhere (flash, ROM) isn't checked.
 */
#include <stdio.h>
#include <sys/mman.h>
#include "cachesan.h"

store_t *stores;

void *shadow_array(u64 bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

/* --- sites: addresses of storing instructions by small numbers ---------------------------------- */
#define SITES (1u << 20)
static u64 *sites;
static pthread_mutex_t site_lock = PTHREAD_MUTEX_INITIALIZER;

u32 site_of(u64 pc)
{
    u32 site = (u32)(pc * 0x9e3779b97f4a7c15ul >> 44), found = 0;

    pthread_mutex_lock(&site_lock);
    for (unsigned tries = 0; tries < 64 && !found; tries++, site = (site + 1) % SITES) {
        if (site && !sites[site])
            sites[site] = pc;
        if (site && sites[site] == pc)
            found = site;
    }
    pthread_mutex_unlock(&site_lock);
    return found;
}

u64 store_pc(store_t s) { return sites[s & (SITES - 1)]; }

/* --- stores ------------------------------------------------------------------------------------- */
bool shadow_open(void)
{
    stores = shadow_array(options.ram_bytes / 4 * sizeof(store_t));
    sites = shadow_array(SITES * sizeof(u64));
    return stores && sites;
}

void note_store(u64 pa, unsigned bytes, unsigned cpu, u32 site)
{
    store_t s = now() << 30 | (u64)(cpu & (MAX_CPUS - 1)) << 24 | site;

    if (!is_ram(pa) || !is_ram(pa + bytes - 1))
        return;
    for (u64 w = word_of(pa), last = word_of(pa + bytes - 1); w <= last; w++)
        __atomic_store_n(&stores[w], s, __ATOMIC_RELAXED);
}

/* --- host pointers ------------------------------------------------------------------------------ */
static u64 ram_start, ram_end;     /* in QEMU's memory */
static u64 other_start, other_end; /* the last mapping that was looked up and isn't RAM */

static void find_ram(u64 host)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    u64 start, end;

    while (maps && fgets(line, sizeof(line), maps)) {
        if (sscanf(line, "%lx-%lx", &start, &end) != 2 || host < start || host >= end)
            continue;
        bool ram = end - start == options.ram_bytes;
        *(ram ? &ram_start : &other_start) = start;
        *(ram ? &ram_end : &other_end) = end;
    }
    if (maps)
        fclose(maps);
}

bool found_ram(void) { return ram_end != 0; }

u64 host_to_guest(const void *pointer)
{
    u64 host = (u64)pointer;

    if (host && !ram_end && (host < other_start || host >= other_end))
        find_ram(host);
    return host >= ram_start && host < ram_end ? options.ram_base + (host - ram_start) : NOWHERE;
}
