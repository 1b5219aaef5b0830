# SPDX-License-Identifier: MIT
"""Races: bugs that need two CPUs that meet within a few instructions. Each was in the tree once. `make explore` tries
every order, so it finds them for certain."""

from tests.mutants.mutant import EXPLORE, Mutant

RACES = [
    # --- an entry in the middle of a change -----------------------------------------------------------------------
    Mutant("block-split-shows-nothing", "mm/holes/block.c",
           "(!pte_cmpxchg(entry, &block, pde_hide(shown, 1)));",
           "(!pte_cmpxchg(entry, &block, pte_empty(1)));",
           "explore.block.poison+readonly*", "a block that is being split is never \"nothing\" to software", EXPLORE),
    Mutant("group-undone-shows-nothing", "mm/tables/contig.c",
           "        store_run(group, pte_hide(first), PT_CONT, 1);", "        store_run(group, pte_empty(0), PT_CONT, 0);",
           "explore.written.poison+cache-sync", "a group that is being undone is never \"nothing\" to software", EXPLORE),
    Mutant("copied-page-shows-nothing", "mm/faults/fault_write.c",
           "        hide_ptes(mm, addr, ptep, 1);", "        clear_ptes(mm, addr, ptep, 1);",
           "explore.cow.write+break", "a page that is being copied is never \"nothing\" to software", EXPLORE),
    Mutant("zeros-replaced-show-nothing", "mm/faults/fault_zero.c",
           "        hide_ptes(mm, start, ptep, nr);", "        clear_ptes(mm, start, ptep, nr);",
           "explore.zero.write+*", "a page of zeros that is being replaced is never \"nothing\" to software", EXPLORE,
           why="whoever finds nothing at a page that was never written faults, and waits for the table's lock"),
    # --- publishing -----------------------------------------------------------------------------------------------
    Mutant("found-before-it-is-made", "mm/faults/fault.h",
           "    if (likely(f))\n        give_to(", "    if (likely(f))\n        folio_publish(f, FOLIO_REFERENCE), give_to(",
           "explore.fresh*.write+watch", "a folio is published once, with the counts that it has then", EXPLORE),
    # --- mapping against changing words ---------------------------------------------------------------------------
    Mutant("walk-skips-what-is-missing", "mm/holes/rmap.c",
           "        spinlock_t *lock = pt_lock(run.ptep);\n        spin_lock(lock); /* also where",
           "        if (run.kind == RUN_NOTHING)\n            continue;\n"
           "        spinlock_t *lock = pt_lock(run.ptep);\n        spin_lock(lock); /* also where",
           "explore.object-block.read+punch", "a walk takes the lock of the table where it ends, even if nothing is there", EXPLORE),
    Mutant("walk-skips-what-is-missing-poison", "mm/holes/rmap.c",
           "        spinlock_t *lock = pt_lock(run.ptep);\n        spin_lock(lock); /* also where",
           "        if (run.kind == RUN_NOTHING)\n            continue;\n"
           "        spinlock_t *lock = pt_lock(run.ptep);\n        spin_lock(lock); /* also where",
           "explore.object-block.read+poison", "the same for a frame that breaks", EXPLORE),
    Mutant("punch-believes-the-map-count", "mm/holes/hole.c",
           "    if (owned) /*", "    if (owned && folio_map_count(f)) /*",
           "explore.object.*+punch", "no count says that a folio is mapped nowhere", EXPLORE),
    Mutant("poison-believes-the-map-count", "mm/holes/poison.c",
           "    if (owned)\n        rmap_poison_frame", "    if (owned && folio_map_count(f))\n        rmap_poison_frame",
           "explore.object.*+poison", "no count says that a folio is mapped nowhere", EXPLORE),
    Mutant("poison-trusts-the-puncher", "mm/holes/poison.c",
           "    if (owned) /* whoever punches", "    if (owned && 0) /* whoever punches",
           "explore.written.punch+poison", "a frame that breaks in a hole that is just being punched is still mapped", EXPLORE),
    Mutant("mapped-without-a-second-look", "mm/spaces/map.c",
           "&& READ_ONCE(memory.words[pfn]) == folio_word(f);", "&& f;",
           "explore.object.*", "who maps reads the words under the table's lock", EXPLORE),
    Mutant("pending-flush-unknown", "mm/holes/rmap.c",
           "    if (unlikely(__atomic_load_n(&mm->flushes_pending, __ATOMIC_ACQUIRE)))", "    if (0)",
           "explore.object-mapped.punch+dontneed", "entries that are cleared and not flushed count as mapped", EXPLORE),
    # --- areas ----------------------------------------------------------------------------------------------------
    Mutant("an-area-is-let-go-in-no-order", "mm/holes/hole.c",
           "obj_link)->hole, NULL, __ATOMIC_RELEASE);", "obj_link)->hole, NULL, __ATOMIC_RELAXED);",
           "explore.closing.*", "who takes an area out of a hole's list is done with it before the area says so", EXPLORE),
    Mutant("an-area-grows-unseen", "mm/spaces/area.c",
           "    struct folio *holed = lock_owners(vma);\n    vma->end = end;\n    unlock_owners(vma, holed);", "    vma->end = end;",
           "explore.closing-cut.*", "an area changes its size under the locks of all lists that it is in", EXPLORE),
    Mutant("a-cache-is-read-while-it-is-drained", "mm/frames/frame_cache.c",
           "    if (nr <= 4) {\n        frame_cache_lock", "    if (nr + class->nr <= class_limit[0]) {\n        frame_cache_lock",
           "explore.stack.*", "a CPU's cache of frames is read under its lock", EXPLORE),
    # --- the ultravisor -------------------------------------------------------------------------------------------
    Mutant("guests-lock-cleared", "uv/soft/guest.c",
           "    memset(s, 0, sizeof(*s)); /* the guest's lock isn't part of it */",
           "    memset(s, 0, sizeof(*s));\n    uv_soft.lock[guest] = (spinlock_t)SPINLOCK_INIT;",
           "explore.guest-*.create+create", "two guests never get one number: a lock is never cleared with what it protects", EXPLORE),
    Mutant("guest-stopped-where-it-does-not-run", "uv/core/rules.c",
           "    [UV_STOP] = IN(LOADING) | IN(READY) | IN(ASKING),", "    [UV_STOP] = IN(LOADING) | IN(READY) | IN(ASKING) | IN(RUNNING),",
           "explore.guest-ready.*+stop", "a guest stops only on the CPU that it runs on", EXPLORE),
    Mutant("a-guest-gets-its-number-late", "uv/soft/table.c",
           "        asid_forget(); /*", "        /*",
           "explore.guest-recycled*", "nobody gives an address space a number that is being made anew", EXPLORE),
    # --- threads ---------------------------------------------------------------------------------------------------
    Mutant("waiting-thread-not-woken", "kernel/sched/thread.c",
           "            if (thread_try_change(t, THREAD_WAITING, THREAD_WOKEN))\n                return true;", "            return false;",
           "explore.dying-thread.*", "a thread that has said that it waits is woken, whether or not it is off its CPU yet", EXPLORE),
    Mutant("woken-thread-left-blocked", "kernel/sched/sched.c",
           "    if (state == THREAD_WAITING && !thread_try_change(left, THREAD_WAITING, THREAD_BLOCKED))\n        state = THREAD_WOKEN;",
           "    if (state == THREAD_WAITING)\n        thread_try_change(left, THREAD_WAITING, THREAD_BLOCKED);",
           "explore.waiting.*", "who was woken on its way off the CPU runs again", EXPLORE),
    # --- looking without a lock -----------------------------------------------------------------------------------
    Mutant("frame-on-its-way-is-busy", "mm/holes/poison.c",
           "    cpu_relax();\n    return 1;", "    cpu_relax();\n    return -EBUSY;",
           "explore.free.*", "a frame that is just being made or freed is looked at again", EXPLORE),
    Mutant("tables-walked-without-a-lock", "mm/spaces/mm.c",
           "    rwsem_read_lock(&mm->areas_lock); /* else another thread's munmap() frees the tables under the walk */\n"
           "    pte_t e = pt_lookup(&mm->root, addr);\n    rwsem_read_unlock(&mm->areas_lock);\n",
           "    pte_t e = pt_lookup(&mm->root, addr);\n",
           "explore.fresh*.munmap+populate", "who walks tables holds a lock that keeps them", EXPLORE),
    Mutant("word-stored-plainly", "mm/frames/frame_cache.c",
           "        WRITE_ONCE(memory.words[pfn], MEMDESC_BUDDY);", "        memory.words[pfn] = MEMDESC_BUDDY;",
           "explore.free.put+get", "what others read without a lock is stored at once: a data race", EXPLORE),
    Mutant("cache-sync-looks-once", "mm/faults/advise.c",
           "        bool same = likely(pte_same(pte_load_raw(entry), raw));", "        bool same = pte_same(raw, raw);",
           "explore.cow*.*+cache-sync", "what was looked up without a lock is looked at again", EXPLORE,
           why="the frame that was there first is maintained for nothing, and a page that is copied meanwhile was made ready by nobody's "
               "promise: it is when it becomes executable; what is left is a frame that belongs to a guest by then"),
]
