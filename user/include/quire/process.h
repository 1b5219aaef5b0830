/* SPDX-License-Identifier: MIT */
/*
 * Processes by handle, for programs that do without POSIX's children. A process that is made so isn't this process's
 * child: wait() doesn't know it.
 */
#pragma once

/*
 * A copy of this process, running, with all handles that may be given away. Its handle; in the copy QUIRE_IN_CHILD;
 * -E...
 */
long process_fork(void);
/* Waits until the process has ended, and stores its status. The handle stays. 0, or -E... */
long process_wait(long process, int *status);
