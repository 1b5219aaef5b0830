/* SPDX-License-Identifier: MIT */
/*
 * The boot archive. It stays where the machine's loader has put it (but with ICACHE=stale), and its frames are the
 * folios of one memory object. Programs get a handle to this object, QUIRE_ARCHIVE, and find their files there by
 * themselves. The kernel takes from it only the programs that it starts itself: init, and in debug builds the tests.
 */
#pragma once

#include <quire/archive.h>
#include <quire/boot_info.h>

struct memobj;
struct mm;
struct object;

/*
 * At boot, once: makes the object. -EINVAL: the archive doesn't begin on a page; -ENOMEM. Without an archive, or after
 * an error, there is an object of one page of zeros, and no file.
 */
int boot_archive_init(struct boot_range where);
struct object *boot_archive_object(void); /* a new reference */
/* All of it, in the direct map; nothing of it changes. */
const struct archive *boot_archive(void);

/*
 * Maps the program in an address space that is empty and that no thread runs in: what can't be written is the archive's
 * own memory. *entry is where it begins. -ENOENT; -ENOEXEC, and a line on the console says why; -ENOMEM: the caller has
 * nothing to undo but the address space. May sleep; no locks held.
 */
int boot_archive_load(const char *path, struct mm *mm, u64 *entry);
