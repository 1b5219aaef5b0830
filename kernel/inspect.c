/* SPDX-License-Identifier: MIT */
/* Filling struct inspect_root: see <quire/inspect.h>. */
#include <quire/inspect.h>
#include <quire/hole.h>
#include <quire/mm_event.h>
#include <quire/pgtable.h>
#include <quire/percpu.h>
#include <quire/string.h>
#include <quire/test_runner.h>

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
    r->results = (u64)&test_results;
    r->results_size = sizeof(test_results);
#endif
    r->kernel_root = paddr_value(kernel_root()->table);
}
