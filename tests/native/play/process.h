/* SPDX-License-Identifier: MIT */
/* Child processes: an error there ends only the child. */
#pragma once

/* How much of the child's output is shown. */
enum child_voice { CHILD_SILENT, CHILD_HEARD };

/* Run body(arg) in a child, for at most so many seconds (0: no limit). Returns 0 after success, else a wait status. */
int child_run(void (*body)(const void *arg), const void *arg, enum child_voice voice, unsigned seconds);
