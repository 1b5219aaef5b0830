/* SPDX-License-Identifier: MIT */
/*
 * Calls of a protected guest to the ultravisor, by the machine's system-call instruction. Pages are guest pages
 * of 4 KiB; addresses are guest addresses. Results below 0 are -E... numbers. What share and unshare return is the
 * ultravisor's word; the host's number is the result of console and yield, and of nothing else.
 */
#pragma once

#define UVG_SHARE 1       /* page, nr (512 at most): let the host use these pages; 0: it does, -EPERM: they are secret */
#define UVG_UNSHARE 2     /* page, nr: take them back; -EPERM: not all are. Contents stay and are not to be trusted */
#define UVG_UNSHARE_ALL 3 /* some shared pages: -> pages that are still shared. Again until it is 0, or -EPERM */
#define UVG_CONSOLE 4     /* text, bytes: the host prints it (127 at most); it is readable for the host */
#define UVG_YIELD 5       /* value: let the host look; its answer is the result */
#define UVG_EXIT 6        /* status */
#define UVG_PAGES 7       /* -> pages that the guest has */
#define UVG_MEASUREMENT 8 /* buffer of 32 bytes: SHA-256 over what was loaded */
