/* SPDX-License-Identifier: MIT */
/*
 * Reader of flattened device trees: see fdt.h. Every access is checked against the blob's own sizes,
 * so a broken tree ends in "not there", never in a fault.
 */
#include "fdt.h"
#include <quire/boot_info.h>
#include <quire/string.h>

#define FDT_MAGIC 0xd00dfeedu
#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE 2u
#define FDT_PROP 3u
#define FDT_NOP 4u
#define FDT_END 9u

static u32 be32(const u8 *p) { return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3]; }
static u64 be64(const u8 *p) { return (u64)be32(p) << 32 | be32(p + 4); }

/* Offsets stay far from wrapping, and from the sign bit of a node's number. */
#define FDT_MAX_SIZE (64u << 20)

static bool part_fits(const struct fdt *fdt, u32 start, u32 size)
{
    return start <= fdt->total_size && size <= fdt->total_size - start;
}

bool fdt_open(struct fdt *fdt, const void *blob)
{
    const u8 *p = blob;

    if (!blob || be32(p) != FDT_MAGIC || be32(p + 20) < 16 || be32(p + 24) > 17)
        return false;
    fdt->blob = p;
    fdt->total_size = be32(p + 4);
    fdt->structs = be32(p + 8);
    fdt->strings = be32(p + 12);
    fdt->reservations = be32(p + 16);
    u32 strings_size = be32(p + 32), structs_size = be32(p + 36);
    if (fdt->total_size > FDT_MAX_SIZE || !part_fits(fdt, fdt->strings, strings_size) ||
        !part_fits(fdt, fdt->structs, structs_size) || fdt->reservations > fdt->total_size)
        return false;
    fdt->strings_end = fdt->strings + strings_size;
    fdt->structs_end = fdt->structs + structs_size;
    /* If the last string is terminated, all strings end inside the block. */
    return strings_size == 0 || p[fdt->strings_end - 1] == 0;
}

static u32 token_at(const struct fdt *fdt, u32 at)
{
    return at >= fdt->structs && at < fdt->structs_end && fdt->structs_end - at >= 4 ? be32(fdt->blob + at) : FDT_END;
}

/* Length of the name of the node whose token is at `at`; if it isn't terminated, the rest of the block. */
static u32 name_length(const struct fdt *fdt, u32 at)
{
    return (u32)strnlen((const char *)fdt->blob + at + 4, fdt->structs_end - at - 4);
}

/* The offset behind the token at `at`, of any kind; the block's end if the token doesn't fit. */
static u32 skip_token(const struct fdt *fdt, u32 at)
{
    u64 next;

    switch (token_at(fdt, at)) {
    case FDT_BEGIN_NODE:
        next = (u64)at + 4 + ALIGN_UP(name_length(fdt, at) + 1, 4u);
        break;
    case FDT_PROP:
        if (fdt->structs_end - at < 12)
            return fdt->structs_end;
        next = (u64)at + 12 + ALIGN_UP((u64)be32(fdt->blob + at + 4), 4UL);
        break;
    case FDT_END:
        return fdt->structs_end;
    default:
        next = (u64)at + 4;
    }
    return next < fdt->structs_end ? (u32)next : fdt->structs_end;
}

/* The node whose token is at `at`; -1 if its name has no end. */
static int node_at(const struct fdt *fdt, u32 at)
{
    return at + 4 + name_length(fdt, at) < fdt->structs_end ? (int)at : -1;
}

int fdt_next_node(const struct fdt *fdt, int node)
{
    u32 at = node < 0 ? fdt->structs : skip_token(fdt, (u32)node);

    for (;; at = skip_token(fdt, at)) {
        u32 token = token_at(fdt, at);
        if (token == FDT_BEGIN_NODE)
            return node_at(fdt, at);
        if (token == FDT_END)
            return -1;
    }
}

int fdt_root(const struct fdt *fdt) { return fdt_next_node(fdt, -1); }

int fdt_first_child(const struct fdt *fdt, int node)
{
    if (node < 0)
        return -1;
    for (u32 at = skip_token(fdt, (u32)node);; at = skip_token(fdt, at)) {
        u32 token = token_at(fdt, at);
        if (token == FDT_BEGIN_NODE)
            return node_at(fdt, at);
        if (token == FDT_END || token == FDT_END_NODE)
            return -1;
    }
}

int fdt_next_sibling(const struct fdt *fdt, int node)
{
    int depth = 0;

    for (u32 at = (u32)node;; at = skip_token(fdt, at)) {
        u32 token = token_at(fdt, at);
        if (token == FDT_BEGIN_NODE && depth == 0 && at != (u32)node)
            return node_at(fdt, at);
        if (token == FDT_BEGIN_NODE)
            depth++;
        if (token == FDT_END_NODE)
            depth--;
        if (token == FDT_END || depth < 0)
            return -1;
    }
}

int fdt_parent(const struct fdt *fdt, int node)
{
    for (int n = fdt_root(fdt); n >= 0 && n < node; n = fdt_next_node(fdt, n))
        for (int c = fdt_first_child(fdt, n); c >= 0; c = fdt_next_sibling(fdt, c))
            if (c == node)
                return n;
    return -1;
}

const char *fdt_name(const struct fdt *fdt, int node) { return (const char *)fdt->blob + node + 4; }

int fdt_path(const struct fdt *fdt, const char *path)
{
    int node = fdt_root(fdt);

    while (node >= 0 && *path == '/' && path[1]) {
        const char *part = path + 1;
        size_t len = 0;
        while (part[len] && part[len] != '/')
            len++;
        int child = fdt_first_child(fdt, node);
        for (; child >= 0; child = fdt_next_sibling(fdt, child)) {
            const char *name = fdt_name(fdt, child);
            if (strncmp(name, part, len) == 0 && (name[len] == 0 || name[len] == '@'))
                break;
        }
        node = child;
        path = part + len;
    }
    return node;
}

struct fdt_prop fdt_prop(const struct fdt *fdt, int node, const char *name)
{
    if (node < 0)
        return (struct fdt_prop){NULL, 0};
    for (u32 at = skip_token(fdt, (u32)node);; at = skip_token(fdt, at)) {
        u32 token = token_at(fdt, at);
        if (token == FDT_NOP)
            continue;
        if (token != FDT_PROP)
            return (struct fdt_prop){NULL, 0};
        if (fdt->structs_end - at < 12)
            return (struct fdt_prop){NULL, 0};
        u32 len = be32(fdt->blob + at + 4), string = be32(fdt->blob + at + 8);
        if (string >= fdt->strings_end - fdt->strings || len > fdt->structs_end - at - 12)
            return (struct fdt_prop){NULL, 0};
        if (strcmp((const char *)fdt->blob + fdt->strings + string, name) == 0)
            return (struct fdt_prop){fdt->blob + at + 12, len};
    }
}

const char *fdt_string(const struct fdt *fdt, int node, const char *name)
{
    struct fdt_prop p = fdt_prop(fdt, node, name);
    return p.data && p.len && strnlen(p.data, p.len) < p.len ? p.data : NULL;
}

u32 fdt_cell(struct fdt_prop prop, unsigned index)
{
    return prop.len >= 4 * (index + 1) ? be32((const u8 *)prop.data + 4 * index) : 0;
}

u64 fdt_number(const struct fdt *fdt, int node, const char *name, u64 fallback)
{
    struct fdt_prop p = fdt_prop(fdt, node, name);
    return p.len == 8 ? be64(p.data) : p.len == 4 ? be32(p.data) : fallback;
}

bool fdt_compatible(const struct fdt *fdt, int node, const char *what)
{
    struct fdt_prop p = fdt_prop(fdt, node, "compatible");
    const char *s = p.data;

    for (u32 at = 0; at < p.len; at += (u32)strnlen(s + at, p.len - at) + 1)
        if (strncmp(s + at, what, p.len - at) == 0)
            return true;
    return false;
}

int fdt_find_compatible(const struct fdt *fdt, const char *what)
{
    for (int n = fdt_root(fdt); n >= 0; n = fdt_next_node(fdt, n))
        if (fdt_compatible(fdt, n, what) && fdt_enabled(fdt, n))
            return n;
    return -1;
}

bool fdt_enabled(const struct fdt *fdt, int node)
{
    const char *status = fdt_string(fdt, node, "status");
    return !status || strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0;
}

static u64 cells(const u8 *p, u32 nr)
{
    return nr == 2 ? be64(p) : nr == 1 ? be32(p) : 0;
}

bool fdt_reg(const struct fdt *fdt, int node, unsigned index, u64 *address, u64 *size)
{
    int parent = fdt_parent(fdt, node);
    u32 na = parent < 0 ? 2 : (u32)fdt_number(fdt, parent, "#address-cells", 2);
    u32 ns = parent < 0 ? 1 : (u32)fdt_number(fdt, parent, "#size-cells", 1);
    struct fdt_prop p = fdt_prop(fdt, node, "reg");
    u32 step = 4 * (na + ns);

    if (na > 2 || ns > 2 || !step || index >= p.len / step)
        return false;
    const u8 *entry = (const u8 *)p.data + index * step;
    *address = cells(entry, na);
    *size = cells(entry + 4 * na, ns);
    return true;
}

bool fdt_reservation(const struct fdt *fdt, unsigned index, u64 *address, u64 *size)
{
    u32 at = fdt->reservations + 16 * index;

    if (index >= fdt->total_size / 16 || at + 16 > fdt->total_size)
        return false;
    *address = be64(fdt->blob + at);
    *size = be64(fdt->blob + at + 8);
    return *address || *size;
}

static void add_regs(const struct fdt *fdt, int node, struct boot_range *list, unsigned *nr)
{
    u64 address, size;
    for (unsigned i = 0; fdt_reg(fdt, node, i, &address, &size); i++)
        boot_add_range(list, nr, address, size);
}

static void read_chosen(const struct fdt *fdt, struct boot_info *boot)
{
    int chosen = fdt_path(fdt, "/chosen");

    if (chosen < 0)
        return;
    const char *args = fdt_string(fdt, chosen, "bootargs");
    if (args)
        boot->cmdline_truncated = strlcpy(boot->cmdline, args, sizeof(boot->cmdline)) >= sizeof(boot->cmdline);
    u64 start = fdt_number(fdt, chosen, "linux,initrd-start", 0);
    u64 end = fdt_number(fdt, chosen, "linux,initrd-end", 0);
    if (end > start)
        boot->initrd = (struct boot_range){mk_paddr(start), end - start};
    struct fdt_prop seed = fdt_prop(fdt, chosen, "rng-seed");
    if (seed.len >= 8)
        boot->rng_seed = be64(seed.data);
}

bool fdt_boot_info(const struct fdt *fdt, struct boot_info *boot)
{
    u64 address, size;

    for (int n = fdt_first_child(fdt, fdt_root(fdt)); n >= 0; n = fdt_next_sibling(fdt, n)) {
        const char *type = fdt_string(fdt, n, "device_type");
        if (type && strcmp(type, "memory") == 0 && fdt_enabled(fdt, n))
            add_regs(fdt, n, boot->ram, &boot->nr_ram);
    }
    for (unsigned i = 0; fdt_reservation(fdt, i, &address, &size); i++)
        boot_add_range(boot->reserved, &boot->nr_reserved, address, size);
    int reserved = fdt_path(fdt, "/reserved-memory");
    if (reserved >= 0)
        for (int n = fdt_first_child(fdt, reserved); n >= 0; n = fdt_next_sibling(fdt, n))
            add_regs(fdt, n, boot->reserved, &boot->nr_reserved);
    read_chosen(fdt, boot);
    return boot->nr_ram > 0;
}
