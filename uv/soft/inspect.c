/* SPDX-License-Identifier: MIT */
/* The addresses of the ultravisor's state, for programs outside the machine: <quire/inspect.h>. They read, and never
 * call. */
#include <quire/inspect.h>
#include "../core/uv.h"
#include "soft.h"

const struct inspect_uv inspect_uv = {
    .guests = (u64)uv.guests,
    .guest_size = sizeof(struct uv_guest),
    .nr_guests = UV_MAX_GUESTS,
    .guest_state = offsetof(struct uv_guest, state),
    .guest_dead = UVG_DEAD,
    .frames = (u64)&uv.frames,
    .frame_size = sizeof(struct uv_frame),
    .state_secure = UV_SECURE,
    .state_shared = UV_SHARED,
    .state_unsharing = UV_UNSHARING,
    .spaces = (u64)uv_soft.guests,
    .space_size = sizeof(struct soft_guest),
    .space_table = offsetof(struct soft_guest, mm) + offsetof(struct mm, root) + offsetof(struct pt_root, table),
};
