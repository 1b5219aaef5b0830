# SPDX-License-Identifier: MIT
"""Seeded bugs in cache maintenance: a barrier, a flush or a fence is missing, or is in the wrong place.

QEMU has no caches, so most of them run there without any symptom; cachesan sees them (docs/caches.md). Two bugs that no
test could notice are left out: a missing arm64 ISB (every return to user mode is an exception return; only the message
that makes other CPUs return matters), and a missing data fence on riscv before asking other harts (the locks that are
released in between order the stores too).
"""

from .mutant import Mutant

LINES = "arch/arm64/cacheflush.c"


def riscv(name, file, old, new, tests, rule, cpus="4"):
    return Mutant(name, file, old, new, tests, rule, cpus=cpus, cachesan=True, stale=True)


def arm64(name, old, new, rule, tests="cache.*"):
    return Mutant(name, LINES, old, new, tests, rule, machine="arm64", cpus="4", cachesan=True)


def coherency(name, file, old, new, rule, tests="uv.*"):
    """Frames that pass between guest and host: cachesan looks only at code, so counters notice; these stay zero on
    other machines."""
    return Mutant(name, file, old, new, tests, rule, machine="arm64", cpus="1")


def coherent(name, file, old, new, tests, rule, machine="s390x"):
    """Bugs that a machine with coherent caches hides, and that it shows with ICACHE=stale."""
    return Mutant(name, file, old, new, tests, rule, machine=machine, cpus="4", stale=True)


DC = 'FOR_EACH_LINE("dc cvau", start, end, CTR_DMINLINE(ctr));'
IC = 'FOR_EACH_LINE("ic ivau", start, end, CTR_IMINLINE(ctr));'

MUTANTS = [
    # --- one CPU's part, and the part of all CPUs ---------------------------------------------------------------------
    riscv("no-fence-at-all", "arch/riscv/include/arch/cacheflush.h",
          '"fence.i" ::: "memory"', '"nop" ::: "memory"', "cache.*", "each hart fences for itself", cpus="1"),
    riscv("only-the-writer-fences", "mm/folios/cacheflush.c",
          "    if (unlikely(others)) {", "    if (0 && others) {", "jit.*", "a fence is local to its hart"),
    riscv("one-hart-counts-for-all", "mm/folios/cacheflush.c",
          "unlikely(this_cpu()->fenced_gen <", "unlikely(cpu_area(0)->fenced_gen <",
          "jit.*", "a thread that moves to another hart finds its fences missing there"),
    riscv("nobody-waits-for-the-others", "base/messages.c",
          "->fenced_gen, __ATOMIC_ACQUIRE) < gen) {", "->fenced_gen, __ATOMIC_ACQUIRE) < 0) {",
          "cacheflush.*", "other harts have fenced when the maintenance returns"),
    riscv("harts-that-left-are-asked", "mm/folios/cacheflush.c",
          "__ATOMIC_SEQ_CST) == mm && READ_ONCE", "__ATOMIC_SEQ_CST) != mm + 1 && READ_ONCE",
          "cacheflush.*", "only harts that run the address space are interrupted"),
    riscv("the-caller-forgets-itself", "mm/folios/cacheflush.c",
          "    this_cpu()->user_work = true;\n    u32 others", "    u32 others", "jit.*", "whoever raises the generation fences too", cpus="1"),
    riscv("guest-without-a-fence", "mm/tables/asid.c",
          "    cpu->user_work = true; /* this CPU's last", "    /* this CPU's last", "guest.*", "a guest's code counts as well", cpus="1"),
    # --- generations -------------------------------------------------------------------------------------------------
    riscv("an-address-space-asks-once", "mm/folios/cacheflush.c",
          "    if (ARCH_ICACHE_LOCAL_FENCE)\n        need_generation(vma->mm", "    if (ARCH_ICACHE_LOCAL_FENCE && !vma->mm->need_gen)\n        need_generation(vma->mm",
          "cache.*", "each executable mapping raises what its address space needs"),
    riscv("maintenance-without-a-generation", "mm/folios/cacheflush.c",
          "        f->gen = icache_next_generation();\n        __atomic_store_n(&f->clean",
          "        f->gen = 0;\n        __atomic_store_n(&f->clean", "cache.*", "each maintenance is a new generation"),
    riscv("sync-tells-nobody", "mm/faults/advise.c",
          "    icache_publish(mm);\n", "", "jit.*", "cache_sync reaches the harts that run the code"),
    # --- code that asks for maintenance -------------------------------------------------------------------------------
    riscv("sync-of-the-first-page-only", "mm/faults/advise.c",
          "            if (!sync_page(vma, at, next - at)", "            if (at == addr && !sync_page(vma, at, next - at)",
          "cacheflush.*", "all pages of a range are synchronised"),
    riscv("protection-without-maintenance", "mm/spaces/protect.c",
          "            flush_icache_pages(vma, pte_pfn(e), 1);", "            (void)0;", "cache.*", "becoming executable by protection counts", cpus="1"),
    riscv("mapping-without-maintenance", "mm/spaces/map.c",
          "        flush_icache_pages(vma, pfn, nr);\n", "        (void)0;\n", "elf.*", "an executable mapping is maintained first", cpus="1"),
    # --- lines and barriers --------------------------------------------------------------------------------------------
    arm64("no-clean", DC, ";", "data is cleaned to the point of unification"),
    arm64("no-invalidate", IC, ";", "instruction lines are invalidated"),
    arm64("no-barrier-between", "    dsb(ish); /* cleaned", "    /* cleaned", "cleaned before anybody fetches again"),
    arm64("no-barrier-after", "        dsb(ish);\n    }\n    isb();", "    }\n    isb();", "the invalidation is complete before it counts"),
    arm64("every-second-line-cleaned", DC, DC.replace("CTR_", "2 * CTR_"), "every line is cleaned"),
    arm64("every-second-line-invalidated", IC, IC.replace("CTR_", "2 * CTR_"), "every line is invalidated"),
    arm64("lines-from-the-first-byte", "u64 a_ = ALIGN_DOWN(start, line)", "u64 a_ = (start)",
          "a range that begins within a line ends within one", tests="jit.*"),
    arm64("barrier-for-stores-only", "    dsb(ish); /* cleaned", "    dsb(ishst); /* cleaned", "only a full DSB completes cache maintenance"),
    Mutant("other-cpus-are-not-told", "arch/arm64/include/arch/cacheflush.h", "#define ARCH_ICACHE_LOCAL_FENCE 1", "#define ARCH_ICACHE_LOCAL_FENCE 0",
           "jit.what_one*", "each CPU synchronises its own context", machine="arm64", cpus="4", cachesan=True, parallel=True),
    # --- threads that go to another CPU, which these tests rely on ----------------------------------------------------
    Mutant("pinned-threads-stay-where-they-are", "kernel/sched/sched.c", "    if (self->pinned && (unsigned)cpu", "    if (0 && (unsigned)cpu",
           "jit.*", "code is run on another CPU than it was written on", cpus="4"),
    Mutant("pinned-threads-are-stolen", "kernel/sched/place.c",
           "            if (t->pinned || stays_for_fpu(t))\n                continue;\n",
           "", "thread.*", "a pinned thread stays", cpus="4"),
    # --- frames that change sides ------------------------------------------------------------------------------------
    coherency("zeros-of-a-guest-stay-in-a-cache", "uv/soft/soft.c",
              "    zero(at, bytes);\n    flush(at, bytes);\n",
           "    zero(at, bytes);\n", "the host gets a guest's frame with its zeros in memory"),
    coherency("shared-without-maintenance", "uv/core/frame.c",
              "        enforce_show(pfn, nr);\n        enforce_flush(pfn, nr);\n",
           "        enforce_show(pfn, nr);\n",
              "the host sees what the guest stored before it shared", tests="guest.*"),
    coherency("taken-back-without-maintenance", "uv/core/frame.c",
              "        enforce_hide(pfn, nr);\n        enforce_flush(pfn, nr);\n",
           "        enforce_hide(pfn, nr);\n", "no line of the host's is written over what the guest stores", tests="guest.*"),
    coherency("coherent-devices-cost-maintenance", "include/quire/dma.h",
              "    if (!ARCH_DMA_COHERENT)\n        dcache_flush(addr, len);\n    arch_io_fence();", "    dcache_flush(addr, len);\n    arch_io_fence();",
              "a device that snoops needs no maintenance", tests="dma.*"),
    coherency("first-frame-for-the-whole-range", "uv/soft/soft.c",
              "static void flush(void *at, size_t bytes) { dcache_flush(at, bytes); }",
           "static void flush(void *at, size_t bytes) { dcache_flush(at, MIN(bytes, PAGE_SIZE)); }", "all frames of a range are maintained"),
    # --- any machine, by its results ----------------------------------------------------------------------------------
    coherent("mapped-without-maintenance-on-s390x", "mm/spaces/map.c",
             "        flush_icache_pages(vma, pfn, nr);\n", "        (void)0;\n", "elf.*", "an executable mapping is maintained first"),
    coherent("only-the-first-page-of-a-batch", "mm/spaces/map.c",
             "        flush_icache_pages(vma, pfn, nr);\n", "        flush_icache_pages(vma, pfn, 1);\n", "elf.*", "all frames of a batch are maintained",
             "x86_64"),
    coherent("protected-without-maintenance-on-x86_64", "mm/spaces/protect.c",
             "            flush_icache_pages(vma, pte_pfn(e), 1);", "            (void)0;", "cache.*", "becoming executable by protection counts",
             "x86_64"),
    coherent("sync-of-the-first-page-only-on-s390x", "mm/faults/advise.c",
              "            if (!sync_page(vma, at, next - at) && (",
           "            if (at == addr && !sync_page(vma, at, next - at) && (",
             "cache.*", "all pages of a range are synchronised"),
    coherent("sync-of-half-the-range", "mm/faults/advise.c",
              "(vaddr_t)pfn_address(pfn) + in_page + n);",
           "(vaddr_t)pfn_address(pfn) + in_page + (n + 1) / 2);", "cache.*",
             "all of a range is synchronised", "x86_64"),
    coherent("guest-loaded-without-maintenance", "uv/core/frame.c",
             "    if (access & UV_EXEC)\n        enforce_code(", "    if (false)\n        enforce_code(", "guest.*",
             "a guest's pages hold code", "x86_64"),
    coherent("a-page-for-every-line", "mm/faults/advise.c",
              "pfn_address(pfn) + in_page, (vaddr_t)pfn_address(pfn) + in_page + n);",
           "pfn_address(pfn), (vaddr_t)pfn_address(pfn) + PAGE_SIZE);",
             "cacheflush.*", "no more is maintained than was asked for"),
    riscv("nobody-looks-on-the-way-out", "kernel/traps/trap.c",
          "        icache_enter_user(current_thread()->mm);\n", "", "jit.*", "a hart fences before it runs newer code", cpus="1"),
]  # fmt: skip
