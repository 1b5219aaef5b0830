/* SPDX-License-Identifier: MIT */
#pragma once

#include "stage.h"

extern const struct stage stage_fresh, stage_fresh_pages, stage_zero, stage_written, stage_partial, stage_cow, stage_cow_folio,
    stage_object, stage_object_mapped, stage_object_block, stage_block, stage_block_cow, stage_marks, stage_folio,
    stage_dying, stage_parts, stage_free, stage_shown, stage_guest_loading, stage_guest_ready, stage_guest_asking,
    stage_guest_unsharing, stage_guest_two, stage_guest_recycled, stage_areas, stage_areas_cut, stage_going, stage_stack, stage_closing,
    stage_closing_cut, stage_waiting, stage_dying_thread, stage_locking, stage_calls, stage_bits;
