/* SPDX-License-Identifier: MIT */
/*
 * Memory objects as programs see them: a size in whole pages, and contents that may be read and written without mapping
 * them. Whoever makes an object pays for its pages, also for those that others bring in by writing to them. All
 * functions may sleep; no locks held.
 */
#pragma once

#include <quire/object.h>
#include <quire/uaccess.h>

struct pager;

/*
 * A new object, of bytes rounded up to whole pages. large: its frames come in blocks, if there are any: they cost less
 * to map, and more to begin with. NULL: *err is -EINVAL (no size, or too large) or -ENOMEM.
 */
struct memory_object *memory_object_create(u64 bytes, bool large, int *err);
/*
 * Copies between the object from `offset` on and the caller's memory. Ends at the object's end. Returns the bytes
 * copied, fewer if something is in the way behind them; -EINVAL: begins behind the end; -EFAULT: the caller's memory;
 * -ENOMEM; -EHWPOISON, -EACCES: the frame is broken, or secret; -EAGAIN: a pager has to supply what is read; -EINTR:
 * the caller was killed. A write makes a page that a pager hasn't supplied yet: others see it when these bytes are in
 * it.
 */
s64 memory_object_copy(struct memory_object *m, u64 offset, struct user_window *own, bool write);
/* In bytes, as it is at the moment. */
u64 memory_object_size(const struct memory_object *m);
/* Whether these bytes lie in the object. It may become smaller meanwhile. */
bool memory_object_holds(const struct memory_object *m, u64 offset, u64 bytes);
/*
 * Copies bytes of the object into the kernel's memory. -EINVAL: not all inside; -ENODEV, -EHWPOISON, -EACCES, -EAGAIN:
 * as memory_object_copy(); -EINTR: the caller was killed. After an error a part may have been copied.
 */
int memory_object_fetch(struct memory_object *m, u64 offset, void *to, u64 bytes);
/*
 * An object of the device registers at these physical addresses, which can only be mapped: all else that is asked of it
 * is refused by -ENODEV. NULL: *err is -ENODEV (this machine has none), -EINVAL (not whole pages, or no such
 * addresses), -EACCES (there is memory), -ENOMEM, or -EINTR.
 */
struct memory_object *memory_object_device(u64 address, u64 bytes, int *err);
/*
 * An object whose pages this pager supplies, <quire/pager.h>. Takes over the pager, unless it
 * fails. NULL: *err as for a new object.
 */
struct memory_object *memory_object_pager(struct pager *pager, u64 bytes, int *err);
/*
 * Copies pages of `from` into those pages of m that it doesn't have yet; the others stay as they are. Each page is
 * complete when others see it. Returns the bytes that m has now, or fewer; the errors of a copy, and -EINVAL: not whole
 * pages, or not inside.
 */
s64 memory_object_supply(struct memory_object *m, u64 offset, struct memory_object *from, u64 from_offset, u64 bytes);
/* As memobj_resize(). -EINVAL: too large. 0 bytes are fine. */
int memory_object_resize(struct memory_object *m, u64 bytes);
/*
 * A new object with a copy of these pages. Nobody stops writers meanwhile: each page is as it is when its turn comes.
 * NULL: *err is -EINVAL (offset isn't a page's, no bytes, or not all inside), -ENOMEM, -EHWPOISON, -EACCES, -EAGAIN (a
 * pager hasn't supplied them all), or -EINTR.
 */
struct memory_object *memory_object_clone(struct memory_object *m, u64 offset, u64 bytes, int *err);
