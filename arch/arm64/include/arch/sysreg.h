/* SPDX-License-Identifier: MIT */
/*
 * System-register fields and values (Arm ARM, DDI 0487, chapter "AArch64 System Register
 * Descriptions"), for C and assembly, and how C reads and writes the registers.
 */
#pragma once

/* PSTATE, as in SPSR_EL1 and DAIF. */
#define PSR_MODE_MASK 0xf
#define PSR_MODE_EL0 0x0
#define PSR_MODE_EL1H 0x5
#define PSR_F (1 << 6)
#define PSR_I (1 << 7)
#define PSR_A (1 << 8)
#define PSR_D (1 << 9)
#define PSR_DAIF (PSR_D | PSR_A | PSR_I | PSR_F)

/* SCTLR_EL1 (bits 11, 20, 22, 28, 29 are RES1 on the older cores). */
#define SCTLR_M (1 << 0)   /* translation on */
#define SCTLR_C (1 << 2)   /* data cacheable */
#define SCTLR_SA (1 << 3)  /* misaligned stack pointers fault at EL1 */
#define SCTLR_SA0 (1 << 4) /* ... and at EL0 */
#define SCTLR_ITD (1 << 7) /* AArch32 at EL0: old instructions off */
#define SCTLR_SED (1 << 8)
#define SCTLR_I (1 << 12)    /* instructions cacheable */
#define SCTLR_DZE (1 << 14)  /* EL0 may DC ZVA */
#define SCTLR_UCT (1 << 15)  /* EL0 may read CTR_EL0 */
#define SCTLR_NTWI (1 << 16) /* EL0 may WFI, WFE */
#define SCTLR_NTWE (1 << 18)
#define SCTLR_SPAN (1 << 23) /* 0: a trap to EL1 sets PSTATE.PAN */
#define SCTLR_UCI (1 << 26)  /* EL0 may DC CVAU, IC IVAU on what it can read */
#define SCTLR_RES1 (1 << 11 | 1 << 20 | 1 << 22 | 1 << 28 | 1 << 29)
#define SCTLR_MMU_OFF (SCTLR_RES1 | SCTLR_SPAN)
#define SCTLR_MMU_ON                                                                               \
    (SCTLR_MMU_OFF | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_SA0 | SCTLR_ITD | SCTLR_SED | SCTLR_I |  \
     SCTLR_DZE | SCTLR_UCT | SCTLR_NTWI | SCTLR_NTWE | SCTLR_UCI)

/* TCR_EL1: 39 bits, 4 KiB granule, cacheable and shareable walks, 16-bit ASIDs. */
#define TCR_T0SZ(bits) (64 - (bits))
#define TCR_IRGN0_WB (1 << 8)
#define TCR_ORGN0_WB (1 << 10)
#define TCR_SH0_INNER (3 << 12)
#define TCR_TG0_4K (0 << 14)
#define TCR_T1SZ(bits) ((64 - (bits)) << 16)
#define TCR_IRGN1_WB (1 << 24)
#define TCR_ORGN1_WB (1 << 26)
#define TCR_SH1_INNER (3 << 28)
#define TCR_TG1_4K (2 << 30)
#define TCR_IPS_SHIFT 32
#define TCR_IPS_48_BITS 5
#define TCR_AS_16_BITS (1 << 36)
#define TCR_HA_SHIFT 39 /* hardware sets the access flag */
#define TCR_HD_SHIFT 40 /* hardware makes writable entries dirty */
#define TCR_VALUE                                                                                  \
    (TCR_T0SZ(39) | TCR_IRGN0_WB | TCR_ORGN0_WB | TCR_SH0_INNER | TCR_TG0_4K | TCR_T1SZ(39) |      \
     TCR_IRGN1_WB | TCR_ORGN1_WB | TCR_SH1_INNER | TCR_TG1_4K | TCR_AS_16_BITS)

#define TTBR_ASID_SHIFT 48

/* MAIR_EL1: what the attribute index of an entry means. */
#define MAIR_NORMAL_INDEX 0
#define MAIR_DEVICE_INDEX 1
#define MAIR_NORMAL_WB 0xff    /* normal, write-back, allocating */
#define MAIR_DEVICE_NGNRE 0x04 /* device, no gathering, no reordering, early acknowledge */
/* In the assembler << and * have the same precedence, so parentheses are needed. */
#define MAIR_VALUE                                                                                 \
    ((MAIR_NORMAL_WB << (8 * MAIR_NORMAL_INDEX)) | (MAIR_DEVICE_NGNRE << (8 * MAIR_DEVICE_INDEX)))

/* EL2 on the way down to EL1: HCR_EL2, CPTR_EL2, CNTHCTL_EL2, ICC_SRE_EL2. */
#define HCR_RW_APK_API (1 << 31 | 1 << 40 | 1 << 41) /* EL1 is AArch64 and may use its own keys */
#define CPTR_EL2_NO_FP_TRAP 0x33ff                   /* RES1 bits, and SVE trapped */
#define CNTHCTL_EL1_ALL 3                            /* EL1 may use the physical timer */
#define ICC_SRE_EL2_ALL 0xf                          /* system-register interface, EL1 too */

/* Others. */
#define CPACR_FP_KERNEL (1 << 20) /* no trap at EL1, but at EL0 */
#define CPACR_FP (3 << 20)        /* no trap of floating point at EL0 and EL1 */
#define CNTKCTL_EL0VCTEN (1 << 1) /* EL0 may read the virtual counter, nothing else */
#define PMCR_E (1 << 0)           /* performance counters on */
#define PMCR_C (1 << 2)           /* cycle counter := 0 */
#define PMCR_LC (1 << 6)          /* cycle counter 64 bits wide */
#define PMCNTENSET_C (1 << 31)
#define PMUSERENR_CR (1 << 2) /* EL0 may read the cycle counter */
#define CNTV_CTL_ENABLE 1

/* ID registers: field positions; all fields are 4 bits wide. */
#define DFR0_PMUVER_SHIFT 8
#define PFR0_GIC_SHIFT 24
#define MMFR1_HAFDBS_SHIFT 0
#define MMFR1_PAN_SHIFT 20
#define ISAR0_ATOMIC_SHIFT 20
#define ISAR0_RNDR_SHIFT 60

/* MPIDR_EL1: affinity levels 3 and 2 to 0. */
#define MPIDR_AFFINITY 0xff00ffffff

/* ESR_EL1: exception classes. */
#define ESR_EC_SHIFT 26
#define ESR_EC_SVC64 0x15

#ifndef __ASSEMBLER__

#define sysreg_read(reg)                                                                           \
    ({                                                                                             \
        u64 sysreg_v_;                                                                             \
        __asm__ volatile("mrs %0, " #reg : "=r"(sysreg_v_)::"memory");                             \
        sysreg_v_;                                                                                 \
    })
#define sysreg_write(reg, v) __asm__ volatile("msr " #reg ", %x0" ::"rZ"((u64)(v)) : "memory")

/* One field of an ID register. */
#define sysreg_id(reg, shift) ((unsigned)(sysreg_read(reg) >> (shift)) & 0xf)

#define isb() __asm__ volatile("isb" ::: "memory")
#define dsb(scope) __asm__ volatile("dsb " #scope ::: "memory")

#endif
