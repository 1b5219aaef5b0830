/* SPDX-License-Identifier: MIT */
/*
 * All stages. Those on address spaces: stages_mm.c, stages_areas.c; on folios alone: stages_folio.c; on the ultravisor: stages_uv.c.
 */
#include "stages.h"

const struct stage *const stages[] = {
    &stage_fresh,       &stage_fresh_pages,   &stage_zero,
    &stage_written, &stage_partial,     &stage_cow,           &stage_cow_folio,
    &stage_object,      &stage_object_mapped, &stage_object_block,
    &stage_block,       &stage_block_cow,     &stage_marks,
    &stage_folio,       &stage_dying,         &stage_parts,
    &stage_free,        &stage_shown,         &stage_guest_loading,
    &stage_guest_ready, &stage_guest_asking,  &stage_guest_unsharing,
    &stage_guest_two, &stage_guest_recycled, &stage_areas,      &stage_areas_cut,
    &stage_going,       &stage_stack,         &stage_closing,
    &stage_closing_cut,
    &stage_waiting,     &stage_dying_thread,  &stage_locking,
    &stage_calls,       &stage_bits,
};
const unsigned nr_stages = ARRAY_SIZE(stages);
