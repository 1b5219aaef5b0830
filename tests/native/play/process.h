/* SPDX-License-Identifier: MIT */
/* Child processes: what goes wrong there ends them alone. */
#pragma once

/* How much of the child's words is shown. */
enum child_voice { CHILD_SILENT, CHILD_HEARD };

/* Run body(arg) in a child, for so many seconds at most (0: any); 0: it ended well, else a wait status. */
int child_run(void (*body)(const void *arg), const void *arg, enum child_voice voice, unsigned seconds);
