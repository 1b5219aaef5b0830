/* SPDX-License-Identifier: MIT */
/* The tests of uv/core that aren't games; list.c names them. */
#pragma once

void states_every_host_call(void);
void states_every_guest_call(void);
void states_traps_from_elsewhere(void);
void states_whole_batches(void);
void states_scattered_frames(void);
void states_a_host_that_stores(void);
void states_init(void);
