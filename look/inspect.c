/* SPDX-License-Identifier: MIT */
/* Filling struct inspect_root: see <quire/inspect.h>. */
#include <quire/inspect.h>
#include <quire/code_events.h>
#include <quire/hole.h>
#include <quire/mm_event.h>
#include <quire/pgtable.h>
#include <quire/percpu.h>
#include <quire/poison.h>
#include <quire/process.h>
#include <quire/string.h>
#include <quire/upcalls.h>

struct inspect_root inspect_root __section(".data.inspect") __used = {
    .magic = INSPECT_MAGIC,
    .version = INSPECT_VERSION,
    .folio_size = sizeof(struct folio),
    .folio_pfn = offsetof(struct folio, pfn),
    .folio_order = offsetof(struct folio, order),
    .folio_refs = offsetof(struct folio, refs),
    .folio_map_count = offsetof(struct folio, map_count),
    .hole_first = offsetof(struct insecure_mem, first),
    .hole_nr = offsetof(struct insecure_mem, nr),
    .user_top = USER_TOP,
    .kvmap_base = KVMAP_BASE,
    .kvmap_size = KVMAP_SIZE,
    .folio_flags = offsetof(struct folio, flags),
    .hole_refs = offsetof(struct insecure_mem, refs),
    .hole_saved = offsetof(struct insecure_mem, saved),
    .hole_folio = offsetof(struct insecure_mem, folio),
    .hole_map_count = offsetof(struct insecure_mem, map_count),
    .hole_kind = offsetof(struct insecure_mem, kind),
    .poison_pfn = offsetof(struct hwpoison, pfn),
    .poison_saved = offsetof(struct hwpoison, saved),
    .ptdesc_level = offsetof(struct ptdesc, level),
    .ptdesc_order = offsetof(struct ptdesc, order),
    .ptdesc_fragments = offsetof(struct ptdesc, fragments),
    .ptdesc_pfn = offsetof(struct ptdesc, pfn),
    .ptdesc_mm = offsetof(struct ptdesc, mm),
    .ptdesc_deposits = offsetof(struct ptdesc, deposits),
    .mm_table = offsetof(struct mm, root) + offsetof(struct pt_root, table),
    .process_link = offsetof(struct process, all_link),
    .process_id = offsetof(struct process, id),
    .process_name = offsetof(struct process, name),
    .process_mm = offsetof(struct process, mm),
};

void inspect_init(void)
{
    struct inspect_root *r = &inspect_root;

    strlcpy(r->build, "Quire 0.1", sizeof(r->build));
    r->words = (u64)&memory.words[memory.first];
    r->first = memory.first;
    r->end = memory.end;
    r->direct_map_base = DIRECT_MAP_BASE;
    r->image_offset = KERNEL_VA_OFFSET;
    r->percpu = (u64)percpu_area;
    r->percpu_size = sizeof(struct percpu);
    r->nr_cpus = nr_cpus;
#if QUIRE_DEBUG
    r->events = (u64)mm_events;
    r->event_size = sizeof(struct mm_event_record);
    r->event_ring = MM_EVENT_RING;
    r->event_next = (u64)&mm_event_next;
#endif
    test_hook_inspect(r);
    r->nr_frames = memory.nr_frames;
    r->early_ptdesc = (u64)memdesc_pointer(memdesc_read(paddr_to_pfn(kernel_root()->table)));
    r->processes = (u64)&processes;
    r->uv = (u64)&inspect_uv;
    code_inspect(r);
    r->kernel_root = paddr_value(kernel_root()->table);
}
