/* SPDX-License-Identifier: MIT */
/* The native tests that aren't games; list.c names them. */
#pragma once

void entry_fields(void);
void entry_changes(void);
void entry_numbers(void);
void entry_tables_and_blocks(void);
void batch_set(void);
void batch_replace(void);
void batch_clear(void);
void batch_change(void);
void batch_measure(void);
void plain_or_invalidated(void);
void plain_before_a_load(void);
void contract_set_ptes(void);
void meanwhile_folio_look_up(void);
void meanwhile_hole_look_up(void);
void meanwhile_two_first_writes(void);
void meanwhile_marks_go_last(void);
void meanwhile_marks_and_mend(void);
void loops_over_areas(void);
void loops_hear_a_kill(void);
void loops_over_who_may_show_a_page(void);
