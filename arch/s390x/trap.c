/* SPDX-License-Identifier: MIT */
/*
 * Finding out what a trap was, and making the right up-call (z/Architecture Principles of Operation, chapter 6
 * "Interruptions", Program Interruption; TEID: chapter 3 "Storage", Translation-Exception
 * Identification). Entered from trap.S with interrupts off.
 *
 * The PSW of an interrupted instruction points to it where the instruction was nullified (translation exceptions) and
 * behind it where it was suppressed or completed (all others). This code makes it point to the instruction in both
 * cases, so that a return runs the instruction again.
 */
#include <arch-generic/machine.h>
#include <arch-generic/context.h>
#include <quire/upcalls.h>
#include "irq.h"

#define PGM_OPERATION         0x01
#define PGM_PRIVILEGED        0x02
#define PGM_EXECUTE           0x03
#define PGM_PROTECTION        0x04
#define PGM_ADDRESSING        0x05
#define PGM_SPECIFICATION     0x06
#define PGM_DATA              0x07
#define PGM_FIXED_OVERFLOW    0x08
#define PGM_HFP_DIVIDE        0x0f
#define PGM_SEGMENT           0x10
#define PGM_PAGE              0x11
#define PGM_SPECIAL_OPERATION 0x13
#define PGM_VECTOR_PROCESSING 0x1b
#define PGM_ASCE_TYPE         0x38
#define PGM_REGION_FIRST      0x39
#define PGM_REGION_SECOND     0x3a
#define PGM_REGION_THIRD      0x3b
#define PGM_MONITOR           0x40
#define PGM_PER               0x80 /* alone, or together with any other */

#define DXC_DISABLED_MAX 3    /* data-exception codes 1-3: an instruction that CR0 doesn't allow */
#define DXC_VECTOR       0xfe /* the same for an instruction of the vector facility */
#define DXC_COMPARE_TRAP 0xff /* compare-and-trap: the condition was true */

#define TEID_SPACE      0x003UL /* bits 62-63: the address's space, as in PSW bits 16-17 */
#define TEID_SPACE_HOME 0x003UL
#define TEID_STORE      0x400UL /* bits 52-53: 01 store, 10 fetch (facility 75) */
#define TEID_REASON     0x8cUL  /* bits 56, 60 and 61 of a protection exception (facility 131) */
#define TEID_NO_EXECUTE 0x84UL

void handle_program(struct trapframe *tf);
void handle_external(struct trapframe *tf);
void handle_io(struct trapframe *tf);
void handle_restart(struct trapframe *tf);
void __noreturn handle_mcheck(struct trapframe *tf);

void trap_svc(void);
void trap_program(void);
void trap_external(void);
void trap_io(void);
void trap_restart(void);
void trap_mcheck(void);

void ALLOWS_NULL lowcore_set_vectors(struct lowcore *lc, u64 mask)
{
    lc->svc_new = (struct psw){mask, (u64)trap_svc};
    lc->pgm_new = (struct psw){mask, (u64)trap_program};
    lc->ext_new = (struct psw){mask, (u64)trap_external};
    lc->io_new = (struct psw){mask, (u64)trap_io};
    lc->restart_new = (struct psw){mask, (u64)trap_restart};
    lc->mcheck_new = (struct psw){mask & ~PSW_MCHECK, (u64)trap_mcheck};
}

static bool is_translation(u64 code)
{
    return code == PGM_SEGMENT || code == PGM_PAGE ||
           (code >= PGM_ASCE_TYPE && code <= PGM_REGION_THIRD);
}

/*
 * A refused access. If the page that holds the instruction has no translation, the access was the fetch, because the
 * instruction can't have done anything else. A fetch that reaches into the next page is reported as a read of that
 * page; if that page may not be executed, the fetch is refused a second time, by IEP.
 */
static void memory_fault(struct trapframe *tf)
{
    vaddr_t addr = tf->translation & PAGE_MASK;
    unsigned access = ACCESS_READ;

    if (tf_user(tf) && tf->psw.mask & PSW_SPACE) { /* its areas are in the primary space: the fault would never end */
        trap_exception(tf, EXC_ILLEGAL, tf->code, tf->psw.addr);
        return;
    }
    if (tf->code == PGM_PROTECTION)
        access = (tf->translation & TEID_REASON) == TEID_NO_EXECUTE ? ACCESS_EXEC : ACCESS_WRITE;
    else if (tf->translation & TEID_STORE)
        access = ACCESS_WRITE;
    else if (addr == (tf->psw.addr & PAGE_MASK))
        access = ACCESS_EXEC;
    if ((tf->translation & TEID_SPACE) == TEID_SPACE_HOME)
        access |= ACCESS_KERNEL;
    trap_fault(tf, addr, access);
}

static void data_exception(struct trapframe *tf, u64 dxc)
{
    if (dxc == DXC_COMPARE_TRAP)
        trap_exception(tf, EXC_OTHER, tf->code, tf->psw.addr);
    else if ((dxc && dxc <= DXC_DISABLED_MAX) || dxc == DXC_VECTOR)
        trap_exception(tf, EXC_ILLEGAL, tf->code, tf->psw.addr);
    else
        trap_exception(tf, EXC_ARITHMETIC, tf->code, tf->psw.addr);
}

static void exception(struct trapframe *tf, u64 dxc)
{
    switch (tf->code) {
    case PGM_OPERATION:
    case PGM_PRIVILEGED:
    case PGM_EXECUTE:
    case PGM_SPECIAL_OPERATION:
        trap_exception(tf, EXC_ILLEGAL, tf->code, tf->psw.addr);
        break;
    case PGM_ADDRESSING: /* the CPU doesn't report the address */
        trap_exception(tf, EXC_BUS, tf->code, 0);
        break;
    case PGM_SPECIFICATION:
        trap_exception(tf, EXC_ALIGNMENT, tf->code, tf->psw.addr);
        break;
    case PGM_DATA:
        data_exception(tf, dxc);
        break;
    case PGM_FIXED_OVERFLOW ... PGM_HFP_DIVIDE:
    case PGM_VECTOR_PROCESSING:
        trap_exception(tf, EXC_ARITHMETIC, tf->code, tf->psw.addr);
        break;
    case PGM_MONITOR:
    case PGM_PER:
        trap_exception(tf, EXC_BREAKPOINT, tf->code, tf->psw.addr);
        break;
    default:
        trap_exception(tf, EXC_OTHER, tf->code, tf->psw.addr);
    }
}

void handle_program(struct trapframe *tf)
{
    u64 code = lowcore.pgm_code, dxc = lowcore.data_code;

    tf->code = code == PGM_PER ? code : code & ~PGM_PER;
    tf->length = lowcore.pgm_length;
    if (is_translation(tf->code) || tf->code == PGM_PROTECTION) {
        tf->translation = lowcore.translation;
        if (tf->code == PGM_PROTECTION)
            tf->psw.addr -= tf->length;
        memory_fault(tf);
    } else {
        tf->translation = 0;
        if (tf->code != PGM_PER && tf->code != PGM_MONITOR)
            tf->psw.addr -= tf->length;
        exception(tf, dxc);
    }
}

void handle_external(struct trapframe *tf)
{
    /* The old PSW of an idle CPU says "wait": returning to it would wait for the next interruption.
     */
    tf->psw.mask &= ~PSW_WAIT;
    tf->code = lowcore.ext_code;
    tf->translation = 0;
    irq_dispatch(tf, lowcore.ext_code, lowcore.ext_parameter);
}

/* No subchannel is ever enabled, and I/O is masked in every PSW; so this can't happen, and a report is enough. */
void handle_io(struct trapframe *tf)
{
    tf->psw.mask &= ~PSW_WAIT;
    tf->code = lowcore.io_subchannel;
    tf->translation = 0;
    trap_exception(tf, EXC_OTHER, tf->code, 0);
}

/* The operator's restart key, "nmi" in QEMU's monitor: it gives a register dump of a stuck machine. */
void handle_restart(struct trapframe *tf)
{
    tf->code = 0;
    tf->translation = 0;
    trap_exception(tf, EXC_OTHER, 0, tf->psw.addr);
}

void __noreturn handle_mcheck(struct trapframe *tf)
{
    tf->code = lowcore.mcheck_code;
    tf->translation = 0;
    trap_exception(tf, EXC_OTHER, tf->code, 0);
    arch_halt(); /* the interrupted code may have been an entry, to which there is no safe return */
}
