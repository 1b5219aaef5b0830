/* SPDX-License-Identifier: MIT */
/*
 * Copies between kernel and user memory. Contract: <arch-generic/uaccess.h>. r2 = to, r3 = from,
 * r4 = bytes; returns the bytes not copied.
 *
 * MOVE WITH OPTIONAL SPECIFICATIONS takes one operand from the primary space, which is the users', whatever space the
 * CPU runs in; r0 holds its operand-access controls (chapter 10 "Control Instructions"). Each step ends at the end of a
 * user's page, so a step that faults has copied nothing; r4 is the exact number when the fault's handler continues at
 * the exit.
 */
#include <quire/asm.h>

#define OAC_PRIMARY 0x0001 /* A = 1: use the space named here, 00 = primary; key as in the PSW */
#define OAC_TO_SHIFT 16    /* the first operand's controls are in the upper half */

.macro COPY name, user, controls
FUNC(\name)
    lgfi %r0, \controls
    ltgr %r4, %r4
    jz 2f
1:  lghi %r5, -4096
    ogr %r5, \user
    lcgr %r5, %r5 /* bytes from here to the end of the user's page */
    clgr %r5, %r4
    locgrh %r5, %r4
100:
    mvcos 0(%r2), 0(%r3), %r5
    EXTABLE(100b, 2f)
    agr %r2, %r5
    agr %r3, %r5
    sgr %r4, %r5
    jnz 1b
2:  lgr %r2, %r4
    br %r14
END(\name)
.endm

    .text
    COPY arch_copy_from_user, %r3, OAC_PRIMARY
    COPY arch_copy_to_user, %r2, (OAC_PRIMARY << OAC_TO_SHIFT)

    .section .note.GNU-stack, "", %progbits
