/* SPDX-License-Identifier: MIT */
/*
 * Memory objects as programs see them: a size in whole pages, and contents that may be read and written without mapping
 * them. Whoever makes an object pays for its pages, also for those that others bring in by writing to them. All
 * functions may sleep; no locks held.
 */
#pragma once

#include <quire/object.h>
#include <quire/uaccess.h>

/*
 * A new object, of bytes rounded up to whole pages. large: its frames come in blocks, if there are any: they cost less to
 * map, and more to begin with. NULL: *err is -EINVAL (no size, or too large) or -ENOMEM.
 */
struct memory_object *memory_object_create(u64 bytes, bool large, int *err);
/*
 * Copies between the object from `offset` on and the caller's memory. Ends at the object's end. Returns the bytes copied,
 * fewer if something is in the way behind them; -EINVAL: begins behind the end; -EFAULT: the caller's memory; -ENOMEM;
 * -EHWPOISON, -EACCES: the frame is broken, or secret; -EINTR: the caller was killed.
 */
s64 memory_object_copy(struct memory_object *m, u64 offset, struct user_window *own, bool write);
/* As memobj_resize(). -EINVAL: too large. 0 bytes are fine. */
int memory_object_resize(struct memory_object *m, u64 bytes);
/*
 * A new object with a copy of these pages. Nobody stops writers meanwhile: each page is as it is when its turn comes.
 * NULL: *err is -EINVAL (offset isn't a page's, no bytes, or not all inside), -ENOMEM, -EHWPOISON, -EACCES, or -EINTR.
 */
struct memory_object *memory_object_clone(struct memory_object *m, u64 offset, u64 bytes, int *err);
