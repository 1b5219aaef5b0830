/* SPDX-License-Identifier: MIT */
/*
 * riscv64 (Unprivileged ISA, Zifencei): FENCE.I makes a hart's fetches see the stores that this hart sees already. Its
 * own stores are among these. Stores of another hart are surely among them only if that hart has ordered them before
 * its next accesses: by a FENCE with W among the predecessors, or by an atomic operation with release.
 */
#include "cachesan.h"

static struct hart {
    u64 released;        /* the last time this hart ordered its stores */
    u64 fenced;          /* its last FENCE.I */
    u64 seen[MAX_CPUS];  /* its fetches see the stores of each hart before this time */
} harts[MAX_CPUS];

static void fence_i(unsigned cpu, void *data)
{
    struct hart *h = &harts[cpu];

    (void)data;
    count(operations);
    h->fenced = tick();
    for (unsigned i = 0; i < MAX_CPUS; i++) {
        u64 released = __atomic_load_n(&harts[i].released, __ATOMIC_ACQUIRE);
        if (h->seen[i] < released)
            h->seen[i] = released;
    }
    h->seen[cpu] = h->fenced;
}

static void release(unsigned cpu, void *data)
{
    (void)data;
    __atomic_store_n(&harts[cpu].released, tick(), __ATOMIC_RELEASE);
}

void riscv_translate(struct qemu_plugin_insn *insn, u32 opcode, unsigned size)
{
    unsigned major = opcode & 0x7f, funct3 = opcode >> 12 & 7;

    if (size != 4)
        return;
    if (major == 0x0f && funct3 == 1)
        qemu_plugin_register_vcpu_insn_exec_cb(insn, fence_i, NO_REGS, NULL);
    else if (major == 0x0f && funct3 == 0 && opcode >> 24 & 1) /* FENCE, W among the predecessors */
        qemu_plugin_register_vcpu_insn_exec_cb(insn, release, NO_REGS, NULL);
    else if (major == 0x2f && opcode >> 25 & 1) /* AMO and SC with rl */
        qemu_plugin_register_vcpu_insn_exec_cb(insn, release, NO_REGS, NULL);
}

void riscv_check(unsigned cpu, u64 pc, u64 pa, store_t s)
{
    const struct hart *h = &harts[cpu];
    u64 time = store_time(s);
    unsigned by = store_cpu(s);

    count(checked);
    if (time < h->seen[by])
        return;
    if (time < h->fenced)
        report(cpu, pc, pa, s, "a data fence on hart %u between its store and the fence.i of hart %u", by, cpu);
    else if (h->fenced)
        report(cpu, pc, pa, s, "fence.i on hart %u since the store (its last one came before)", cpu);
    else
        report(cpu, pc, pa, s, "fence.i on hart %u, which never did one", cpu);
}
