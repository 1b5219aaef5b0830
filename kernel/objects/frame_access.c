/* SPDX-License-Identifier: MIT */
/* How the host reaches frames that may be secure: see <quire/frame_access.h>. */
#include <quire/frame_access.h>
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/uv.h>

int frame_access_begin(struct frame_access *a, pfn_t pfn)
{
    memdesc_t word = memdesc_read(pfn);

    *a = (struct frame_access){0};
    if (!pfn_valid(pfn))
        return -EINVAL;
    if (memdesc_type(word) == MEMDESC_HWPOISON)
        return -EHWPOISON;
    if (memdesc_type(word) == MEMDESC_HOLE)
        a->hole = pfn_hole_get(pfn); /* with this reference the guest can't take the frame back */
    s64 owner = uvcall(UV_QUERY, pfn, 0, 0, 0, 0); /* -EINVAL: there is no ultravisor yet, so the frame is no secret */
    if (owner > 0 && uv_state_of((u64)owner) != UV_NONSECURE && !(uv_state_of((u64)owner) == UV_SHARED && a->hole)) {
        frame_access_end(a);
        return -EACCES;
    }
    a->address = pfn_address(pfn);
    return 0;
}

void frame_access_end(struct frame_access *a)
{
    if (a->hole)
        hole_put(a->hole);
    a->hole = NULL;
}
