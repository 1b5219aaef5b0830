/* SPDX-License-Identifier: MIT */
/*
 * Finding out what a trap was, and making the right up-call (Arm ARM, ESR_EL1: exception classes and their ISS).
 * Entered from trap.S with interrupts masked; system calls go straight to their functions.
 */
#include <arch-generic/context.h>
#include <quire/upcalls.h>
#include "trap.h"

#define EC_UNKNOWN 0x00
#define EC_WFX 0x01
#define EC_FP_ACCESS 0x07
#define EC_BTI 0x0d
#define EC_ILLEGAL_STATE 0x0e
#define EC_SYSREG 0x18
#define EC_SVE 0x19
#define EC_FPAC 0x1c
#define EC_SME 0x1d
#define EC_FETCH_ABORT_EL0 0x20
#define EC_FETCH_ABORT_EL1 0x21
#define EC_PC_ALIGNMENT 0x22
#define EC_DATA_ABORT_EL0 0x24
#define EC_DATA_ABORT_EL1 0x25
#define EC_SP_ALIGNMENT 0x26
#define EC_FP_AARCH64 0x2c
#define EC_DEBUG_FIRST 0x30 /* breakpoint, step, watchpoint, BKPT, ..., BRK */
#define EC_DEBUG_LAST 0x3c

#define ISS_WNR (1u << 6)  /* a write */
#define ISS_CM (1u << 8)   /* cache maintenance, for which WnR is set too */
#define ISS_FNV (1u << 10) /* FAR_EL1 isn't valid */
#define ISS_FSC 0x3fu
/* Fault status codes without the level in bits 1:0. */
#define FSC_TRANSLATION 0x04
#define FSC_ACCESS_FLAG 0x08
#define FSC_PERMISSION 0x0c
#define FSC_ALIGNMENT 0x21

static void memory_abort(struct trapframe *tf, bool fetch)
{
    u32 iss = (u32)tf->esr;
    bool write = (iss & (ISS_WNR | ISS_CM)) == ISS_WNR;

    switch (iss & ISS_FSC & ~3u) {
    case FSC_TRANSLATION:
    case FSC_ACCESS_FLAG:
    case FSC_PERMISSION:
        trap_fault(tf, tf->far, fetch ? ACCESS_EXEC : write ? ACCESS_WRITE : ACCESS_READ);
        return;
    }
    if ((iss & ISS_FSC) == FSC_ALIGNMENT)
        trap_exception(tf, EXC_ALIGNMENT, tf->esr, tf->far);
    else /* address size, external abort, conflict in the TLB */
        trap_exception(tf, EXC_BUS, tf->esr, iss & ISS_FNV ? 0 : tf->far);
}

void arm64_sync(struct trapframe *tf)
{
    u32 class = (u32)tf->esr >> ESR_EC_SHIFT;

    switch (class) {
    case EC_FETCH_ABORT_EL0:
    case EC_FETCH_ABORT_EL1:
        memory_abort(tf, true);
        break;
    case EC_DATA_ABORT_EL0:
    case EC_DATA_ABORT_EL1:
        memory_abort(tf, false);
        break;
    case EC_FP_ACCESS:
        if (tf_user(tf) && trap_fpu(tf))
            break;
        __attribute__((fallthrough));
    case EC_UNKNOWN:
    case EC_WFX:
    case EC_BTI:
    case EC_ILLEGAL_STATE:
    case EC_SYSREG:
    case EC_SVE:
    case EC_FPAC:
    case EC_SME:
        trap_exception(tf, EXC_ILLEGAL, tf->esr, tf->pc);
        break;
    case EC_PC_ALIGNMENT:
        trap_exception(tf, EXC_ALIGNMENT, tf->esr, tf->far);
        break;
    case EC_SP_ALIGNMENT:
        trap_exception(tf, EXC_ALIGNMENT, tf->esr, tf->sp);
        break;
    case EC_FP_AARCH64:
        trap_exception(tf, EXC_ARITHMETIC, tf->esr, tf->pc);
        break;
    case EC_DEBUG_FIRST ... EC_DEBUG_LAST:
        trap_exception(tf, EXC_BREAKPOINT, tf->esr, tf->pc);
        break;
    default:
        trap_exception(tf, EXC_OTHER, tf->esr, tf->far);
    }
}

/* An asynchronous external abort: a store reached nothing, and nobody knows whose store it was. */
void arm64_serror(struct trapframe *tf) { trap_exception(tf, EXC_BUS, tf->esr, 0); }

void arm64_aarch32(struct trapframe *tf) { trap_exception(tf, EXC_ILLEGAL, tf->esr, tf->pc); }

/* An FIQ, to which no interrupt is routed, or a trap with the wrong stack pointer selected. */
void arm64_unexpected(struct trapframe *tf) { trap_exception(tf, EXC_OTHER, tf->esr, tf->pc); }
