/* SPDX-License-Identifier: MIT */
/*
 * Calls of a protected guest to the ultravisor, by the machine's system-call instruction. Pages are guest pages
 * of 4 KiB; addresses are guest addresses. Results below 0 are -E... numbers. The results of share and unshare come
 * from the ultravisor; only the results of console and yield come from the host.
 */
#pragma once

#define UVG_SHARE 1       /* page, nr (at most 512): let the host use these pages; 0: it may, -EPERM: secret */
#define UVG_UNSHARE 2     /* page, nr: take them back; -EPERM: not all came back. The contents stay, untrusted */
#define UVG_UNSHARE_ALL 3 /* take some back: -> pages that are still shared. Repeat until it is 0, or -EPERM */
#define UVG_CONSOLE 4     /* text, bytes: the host prints it (127 at most); it is readable for the host */
#define UVG_YIELD 5       /* value: return to the host; its answer is the result */
#define UVG_EXIT 6        /* status */
#define UVG_PAGES 7       /* -> pages that the guest has */
#define UVG_MEASUREMENT 8 /* buffer of 32 bytes: SHA-256 over what was loaded */
