/* SPDX-License-Identifier: MIT */
/*
 * Reader of flattened device trees (Devicetree Specification 0.4, chapter 5), in place, without
 * allocating. A node is the offset of its FDT_BEGIN_NODE token in the structure block.
 */
#pragma once

#include <quire/types.h>

struct fdt {
    const u8 *blob;
    u32 total_size;
    u32 structs, structs_end; /* offsets into the blob */
    u32 strings, strings_end;
    u32 reservations;
};

struct fdt_prop {
    const void *data;
    u32 len;
};

/* Checks magic, version and bounds. False: there is no device tree that this reader understands. */
bool fdt_open(struct fdt *fdt, const void *blob);

/* Walk: children in order. fdt_root() is the first node; -1 ends a list. */
int fdt_root(const struct fdt *fdt);
int fdt_first_child(const struct fdt *fdt, int node);
int fdt_next_sibling(const struct fdt *fdt, int node);
/* The next node of the whole tree in document order (depth first); start with node = -1. */
int fdt_next_node(const struct fdt *fdt, int node);
const char *fdt_name(const struct fdt *fdt, int node);
/* "/cpus/cpu-map" style absolute path; unit addresses may be left out. -1: not there. */
int fdt_path(const struct fdt *fdt, const char *path);
int fdt_parent(const struct fdt *fdt, int node);

/* {NULL, 0}: no such property (an empty property has data but length 0). */
struct fdt_prop fdt_prop(const struct fdt *fdt, int node, const char *name);
/* A property's string (the first of a list), NULL if absent or unterminated. */
const char *fdt_string(const struct fdt *fdt, int node, const char *name);
/* One or two 32-bit cells as a number, `fallback` if absent. */
u64 fdt_number(const struct fdt *fdt, int node, const char *name, u64 fallback);
u32 fdt_cell(struct fdt_prop prop, unsigned index);

bool fdt_compatible(const struct fdt *fdt, int node, const char *what);
int fdt_find_compatible(const struct fdt *fdt, const char *what); /* first one; -1 */
bool fdt_enabled(const struct fdt *fdt, int node);                 /* status absent or "okay" */

/* Entry `index` of `reg`, by the parent's #address-cells and #size-cells. False: no such entry. */
bool fdt_reg(const struct fdt *fdt, int node, unsigned index, u64 *address, u64 *size);
/* Entry of the memory reservation block; false: past the end. */
bool fdt_reservation(const struct fdt *fdt, unsigned index, u64 *address, u64 *size);

/* Fill the members that are the same for all machines with a device tree: ram, reserved, initrd, command line, seed. */
struct boot_info;
bool fdt_boot_info(const struct fdt *fdt, struct boot_info *boot);
