/* SPDX-License-Identifier: MIT */
/*
 * Numbers of the architecture that C and assembly share: control registers, model-specific
 * registers, flags, segment selectors and vectors. Sections are of the Intel SDM (2023).
 */
#pragma once

/* 3A 2.5: control registers */
#define CR0_PE         (1 << 0)
#define CR0_MP         (1 << 1)
#define CR0_EM         (1 << 2)
#define CR0_TS         (1 << 3)
#define CR0_NE         (1 << 5)
#define CR0_WP         (1 << 16) /* read-only entries hold for the kernel too */
#define CR0_PG         0x80000000
#define CR0_KERNEL     (CR0_PG | CR0_WP | CR0_NE | CR0_MP | CR0_PE) /* but for the bits that mean nothing here */
#define CR4_PAE        (1 << 5)
#define CR4_MCE        (1 << 6) /* machine checks trap instead of shutting down */
#define CR4_PGE        (1 << 7)
#define CR4_OSFXSR     (1 << 9)
#define CR4_OSXMMEXCPT (1 << 10)
#define CR4_UMIP       (1 << 11)
#define CR4_FSGSBASE   (1 << 16)
#define CR4_OSXSAVE    (1 << 18)
#define CR4_SMEP       (1 << 20)
#define CR4_SMAP       (1 << 21)

/* 1 13.3: what XSAVE keeps */
#define XCR0_X87 (1u << 0)
#define XCR0_SSE (1u << 1)
#define XCR0_AVX (1u << 2)

/* 4, table 2-2: model-specific registers */
#define MSR_APIC_BASE      0x1b
#define MSR_X2APIC         0x800 /* + register offset / 16 */
#define MSR_EFER           0xc0000080
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_SFMASK         0xc0000084
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

#define EFER_SCE         (1 << 0)
#define EFER_LME         (1 << 8)
#define EFER_NXE         (1 << 11)
#define APIC_BASE_X2     (1 << 10)
#define APIC_BASE_ENABLE (1 << 11)

/* 1 3.4.3: RFLAGS */
#define RFLAGS_FIXED (1 << 1) /* always 1 */
#define RFLAGS_TF    (1 << 8)
#define RFLAGS_IF    (1 << 9)
#define RFLAGS_DF    (1 << 10)
#define RFLAGS_IOPL  (3 << 12)
#define RFLAGS_NT    (1 << 14)
#define RFLAGS_RF    (1 << 16)
#define RFLAGS_AC    (1 << 18) /* set in the kernel: user memory may be touched (SMAP) */

/*
 * The global descriptor table. SYSCALL takes the kernel's code and data from STAR[47:32] and the
 * entry after it; SYSRET takes the user's data and code from STAR[63:48] + 8 and + 16 (3A 5.8.8).
 */
#define SEL_KERNEL_CODE 0x08
#define SEL_KERNEL_DATA 0x10
#define SEL_BOOT_CODE32 0x18 /* only in the boot table: 32-bit code on the way to long mode */
#define SEL_USER_BASE   0x18
#define SEL_USER_DATA   0x23
#define SEL_USER_CODE   0x2b
#define SEL_TSS         0x30
#define GDT_ENTRIES     8

#define DESC_CODE64 0x00af9b000000ffff /* 3A 3.4.5: present, accessed, execute/read, L */
#define DESC_CODE32 0x00cf9b000000ffff
#define DESC_DATA   0x00cf93000000ffff
#define DESC_DPL3   0x0000600000000000

/* Vectors. 0..31 are the processor's (3A table 6-1), the others are the kernel's; higher numbers have priority. */
#define VEC_DIVIDE              0
#define VEC_DEBUG               1
#define VEC_NMI                 2
#define VEC_BREAKPOINT          3
#define VEC_OVERFLOW            4
#define VEC_UNDEFINED           6
#define VEC_NO_FPU              7
#define VEC_DOUBLE_FAULT        8
#define VEC_STACK               12
#define VEC_PROTECTION          13
#define VEC_PAGE_FAULT          14
#define VEC_FP                  16
#define VEC_ALIGNMENT           17
#define VEC_MACHINE_CHECK       18
#define VEC_SIMD                19
#define VECTORS_WITH_ERROR_CODE 0x60227d00 /* 8, 10-14, 17, 21, 29, 30 */
#define VEC_FIRST_IRQ           32
#define VEC_CONSOLE             0x30
#define VEC_TIMER               0x40
#define VEC_IPI                 0x50
#define VEC_DEVICES             0x60 /* and above: the inputs of the I/O APIC */
#define VEC_SPURIOUS            0xff
#define VEC_SYSCALL             0x100 /* not a vector: marks a frame that SYSCALL made */
#define TRAP_STUB_SIZE          16    /* bytes of code per gate, trap.S */

/* The page below 1 MiB where started CPUs begin, in real mode (boot/ keeps it free). */
#define TRAMPOLINE_PA 0x8000

#ifndef __ASSEMBLER__

#include <quire/types.h>

static inline u64 read_msr(u32 msr)
{
    u32 low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (u64)high << 32 | low;
}
static inline void write_msr(u32 msr, u64 value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

#define read_cr(n)                                                                                 \
    ({                                                                                             \
        u64 cr_v_;                                                                                 \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(cr_v_)::"memory");                            \
        cr_v_;                                                                                     \
    })
#define write_cr(n, v) __asm__ volatile("mov %0, %%cr" #n ::"r"((u64)(v)) : "memory")

struct cpuid {
    u32 eax, ebx, ecx, edx;
};
static inline struct cpuid cpuid(u32 leaf, u32 subleaf)
{
    struct cpuid r;
    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

static inline void port_write8(u16 port, u8 value)
{
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}
static inline void port_write32(u16 port, u32 value)
{
    __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}
static inline u8 port_read8(u16 port)
{
    u8 value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

#endif
