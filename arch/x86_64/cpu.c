/* SPDX-License-Identifier: MIT */
/*
 * The features of this CPU, its descriptor tables and control registers, waiting.
 *
 * Bits of CR4 that not every x86_64 CPU has are set only if CPUID reports them: for a missing bit QEMU doesn't raise
 * #GP but loops for ever.
 */
#include <arch-generic/context.h>
#include <arch-generic/machine.h>
#include <arch/pgtable.h>
#include <quire/printf.h>
#include "platform.h"

/* The task-state segment overlaps struct percpu (arch/percpu.h). Offsets: SDM 3A figure 8-11. */
_Static_assert(offsetof(struct percpu, kernel_sp) == TSS_OFFSET + 4, "TSS.RSP0 is kernel_sp");
_Static_assert(offsetof(struct percpu, scratch[SCRATCH_IST1]) == TSS_OFFSET + 36, "TSS.IST1");
_Static_assert(offsetof(struct percpu, scratch[SCRATCH_IST2]) == TSS_OFFSET + 44, "TSS.IST2");
_Static_assert(offsetof(struct percpu, arch.io_map_base) == TSS_OFFSET + 102, "TSS.I/O map base");
_Static_assert(sizeof(struct trapframe) % 16 == 0, "a frame from user mode ends at kernel_sp");

void syscall_entry(void);

bool cpu_has_gib_pages;

/* CPUID leaves: SDM 2A, table 3-8. */
static bool bit(u32 reg, unsigned n) { return reg >> n & 1; }

static void read_features(void)
{
    struct cpu_features *f = &cpu_features;
    u32 last = cpuid(0, 0).eax, last_extended = cpuid(0x80000000, 0).eax;
    struct cpuid basic = cpuid(1, 0), more = last >= 7 ? cpuid(7, 0) : (struct cpuid){0};

    f->x2apic = read_msr(MSR_APIC_BASE) & APIC_BASE_X2; /* irq.c */
    f->xsave = bit(basic.ecx, 26);
    f->rdrand = bit(basic.ecx, 30);
    f->fsgsbase = bit(more.ebx, 0);
    f->smep = bit(more.ebx, 7);
    f->smap = bit(more.ebx, 20);
    f->umip = bit(more.ecx, 2);
    cpu_has_gib_pages = last_extended >= 0x80000001 && bit(cpuid(0x80000001, 0).edx, 26);
    if (!f->xsave)
        return;
    f->xcr0 = cpuid(0xd, 0).eax & (XCR0_X87 | XCR0_SSE | XCR0_AVX);
    struct cpuid avx = cpuid(0xd, 2); /* ebx: where in the area, eax: how many bytes */
    if (avx.ebx + avx.eax > XSAVE_AREA_SIZE)
        f->xcr0 &= ~XCR0_AVX;
}

/* An interrupt stack whose top word says which CPU it belongs to (trap.S: entry_ist). */
static u64 owned_stack(u8 *stack, size_t size, struct percpu *cpu)
{
    u64 *top = (u64 *)(stack + size) - 2;

    top[0] = (u64)cpu;
    return (u64)top;
}

static void load_gdt(struct arch_percpu *arch)
{
    struct __packed {
        u16 limit;
        u64 base;
    } pointer = {sizeof(arch->gdt) - 1, (u64)arch->gdt};

    __asm__ volatile("lgdt %0\n\t"
                     "pushq %1\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\tmovl %2, %%ss\n\t"
                     "ltr %w3"
                     :
                     : "m"(pointer), "i"(SEL_KERNEL_CODE), "r"(SEL_KERNEL_DATA), "r"(SEL_TSS)
                     : "rax", "memory");
}

void cpu_load_tables(struct percpu *cpu)
{
    struct arch_percpu *arch = &cpu->arch;
    u64 tss = (u64)cpu + TSS_OFFSET;

    cpu->self = cpu;
    cpu->scratch[SCRATCH_IST1] = owned_stack(cpu->emergency_stack, EMERGENCY_STACK_SIZE, cpu);
    cpu->scratch[SCRATCH_IST2] = owned_stack(arch->nmi_stack, NMI_STACK_SIZE, cpu);
    arch->io_map_base = TSS_LIMIT + 1;
    arch->gdt[SEL_KERNEL_CODE / 8] = DESC_CODE64;
    arch->gdt[SEL_KERNEL_DATA / 8] = DESC_DATA;
    arch->gdt[SEL_USER_DATA / 8] = DESC_DATA | DESC_DPL3;
    arch->gdt[SEL_USER_CODE / 8] = DESC_CODE64 | DESC_DPL3;
    /* 64-bit TSS descriptor, two entries (SDM 3A figure 8-4): base, type 9 "available", limit */
    arch->gdt[SEL_TSS / 8] =
        TSS_LIMIT | (tss & 0xffffff) << 16 | 0x89UL << 40 | (tss >> 24 & 0xff) << 56;
    arch->gdt[SEL_TSS / 8 + 1] = tss >> 32;
    load_gdt(arch);
    set_this_cpu(cpu);
    trap_load_idt();
}

/* Called from entry.S. Afterwards console and traps work, so that every error is reported. */
void cpu_early_init(void)
{
    uart_init();
    read_features();
    trap_init_idt();
    cpu_load_tables(&percpu_area[0]);
}

static void set_control_registers(void)
{
    const struct cpu_features *f = &cpu_features;
    u64 cr4 = read_cr(4) | CR4_MCE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;

    cr4 |= (f->smep ? CR4_SMEP : 0) | (f->smap ? CR4_SMAP : 0) | (f->umip ? CR4_UMIP : 0) |
           (f->fsgsbase ? CR4_FSGSBASE : 0) | (f->xsave ? CR4_OSXSAVE : 0);
    write_cr(4, cr4);
    if (f->xsave)
        __asm__ volatile("xsetbv" ::"c"(0), "a"(f->xcr0), "d"(0));
}

/* SYSCALL clears the flags in SFMASK: interrupts, and every flag that would affect the kernel. */
static void set_syscall_entry(void)
{
    write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_SCE);
    write_msr(MSR_STAR, (u64)SEL_USER_BASE << 48 | (u64)SEL_KERNEL_CODE << 32);
    write_msr(MSR_LSTAR, (u64)syscall_entry);
    write_msr(MSR_SFMASK,
              RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC);
}

void arch_cpu_init(void)
{
    set_control_registers();
    set_syscall_entry();
    lapic_init();
    timer_init();
}

/* What boot/x86_64.c has found stands in x86_devices. */
void arch_machine_init(const struct boot_info *boot)
{
    lapic_init();
    irq_route_console();
    timer_calibrate();
}

void arch_idle(void)
{
    /* STI takes effect after the next instruction (SDM 2B, STI): no interrupt comes before HLT. */
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

const char *arch_features(void)
{
    static char text[160];
    const struct cpu_features *f = &cpu_features;
    const char *fpu = f->xcr0 & XCR0_AVX ? "XSAVE with AVX" : f->xsave ? "XSAVE" : "FXSAVE";

    snprintf(text, sizeof(text), "4-level paging, blocks of 2 MiB%s, no PCID, %s, %s%s%s%s%s%s",
             cpu_has_gib_pages ? " and 1 GiB" : "", f->x2apic ? "x2APIC" : "xAPIC", fpu,
             f->smep ? ", SMEP" : "", f->smap ? ", SMAP" : "", f->umip ? ", UMIP" : "",
             f->fsgsbase ? ", FSGSBASE" : "", f->rdrand ? ", RDRAND" : "");
    return text;
}

bool arch_random(u64 *value)
{
    bool ok = false;

    /* Ten tries: SDM 1, 7.3.17.1. */
    for (unsigned tries = 0; cpu_features.rdrand && !ok && tries < 10; tries++)
        __asm__ volatile("rdrand %0; setc %1" : "=r"(*value), "=qm"(ok)::"cc");
    return ok;
}
