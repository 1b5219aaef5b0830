/* SPDX-License-Identifier: MIT */
/* The native tests that aren't games, in the order in which they run. */
#include "../play/tests.h"
#include "all.h"
#include <stddef.h>

#define IN(file, test, function) {test, "tests/native/tests/" file, function}

const struct native_test native_tests[] = {
    IN("entries.c", "entry.fields_come_back", entry_fields),
    IN("entries.c", "entry.a_change_changes_one_field", entry_changes),
    IN("entries.c", "entry.frame_numbers_step_and_never_spill", entry_numbers),
    IN("entries.c", "entry.tables_and_blocks", entry_tables_and_blocks),
    IN("batches.c", "batch.set_ptes_is_one_by_one", batch_set),
    IN("batches.c", "batch.one_entry_of_a_group_is_replaced", batch_replace),
    IN("batches.c", "batch.clear_ptes_is_one_by_one", batch_clear),
    IN("batches.c", "batch.a_change_is_one_by_one", batch_change),
    IN("batches.c", "batch.folio_pte_batch_is_its_definition", batch_measure),
    IN("plain.c", "plain.stores_do_while_no_other_cpu_has_the_table", plain_or_invalidated),
    IN("plain.c", "plain.a_cpu_loads_a_table_after_the_last_plain_store", plain_before_a_load),
    IN("contracts.c", "contract.set_ptes_names_the_broken_rule", contract_set_ptes),
    IN("meanwhile.c", "meanwhile.a_look_up_finds_the_frames_heir", meanwhile_folio_look_up),
    IN("meanwhile.c", "meanwhile.a_look_up_finds_no_hole_that_has_closed", meanwhile_hole_look_up),
    IN("meanwhile.c", "meanwhile.two_first_writes_map_one_folio", meanwhile_two_first_writes),
    IN("meanwhile.c", "meanwhile.marks_that_go_last_free_the_folio_without_locks", meanwhile_marks_go_last),
    IN("meanwhile.c", "meanwhile.a_mark_names_its_folio_while_the_hole_closes", meanwhile_marks_and_mend),
    IN("loops.c", "loops.each_passes_a_point_where_others_run", loops_over_areas),
    IN("loops.c", "loops.a_kill_is_heard_before_anything_changes", loops_hear_a_kill),
    IN("loops.c", "loops.who_may_show_a_page_is_asked_with_points_in_between", loops_over_who_may_show_a_page),
    {NULL, NULL, NULL},
};
