/* SPDX-License-Identifier: MIT */
/*
 * In place of uv/soft/soft.c: a mark hides a frame, and an access to a hidden frame is reported, like an access to free
 * memory. A host thread's user frame is a variable.
 */
#include "enforce.h"
#include "explore.h"
#include "../native/machine/machine.h"
#include "../native/machine/sanitizer.h"
#include "../native/play/check.h"
#include "../../uv/soft/soft.h"
#include <arch/layout.h>
#include <string.h>

static bool hidden[WORLD_MAX_FRAMES];
static struct trapframe frames[MAX_CPUS];

void enforce_begin(void)
{
    memset(hidden, 0, sizeof(hidden));
    memset(frames, 0, sizeof(frames));
    memset(&uv_soft, 0, sizeof(uv_soft));
}

bool enforce_hidden(pfn_t pfn) { return hidden[pfn - WORLD_FIRST_PFN]; }
struct trapframe *enforce_frame(void) { return &frames[cpu_playing]; }

struct enforce_machine enforce_machine(void)
{
    return (struct enforce_machine){memory.first, memory.end, USER_TOP >> PAGE_SHIFT};
}

bool enforce_shown(pfn_t pfn, u64 nr)
{
    for (u64 i = 0; i < nr; i++)
        if (enforce_hidden(pfn + i))
            return false;
    return true;
}

bool enforce_can_hide(pfn_t pfn, u64 nr) { return (void)pfn, (void)nr, true; }
bool enforce_lent(pfn_t pfn) { return memdesc_type(memdesc_read(pfn)) == MEMDESC_HOLE; }
bool enforce_reserved(pfn_t pfn) { return memdesc_type(memdesc_read(pfn)) == MEMDESC_MISC; }

static void hide(pfn_t pfn, u64 nr, bool now)
{
    for (u64 i = 0; i < nr; i++) {
        CHECK(hidden[pfn + i - WORLD_FIRST_PFN] != now || !now, "a frame is hidden once",
              "frame 0x%lx is hidden already", pfn + i);
        hidden[pfn + i - WORLD_FIRST_PFN] = now;
        asan_poison(pfn_address(pfn + i), now ? PAGE_SIZE : 0);
        asan_unpoison(pfn_address(pfn + i), now ? 0 : PAGE_SIZE);
    }
}

void enforce_hide(pfn_t pfn, u64 nr)
{
    explore_hardware();
    hide(pfn, nr, true);
}

void enforce_show(pfn_t pfn, u64 nr)
{
    explore_hardware();
    hide(pfn, nr, false);
}

void enforce_flush(pfn_t pfn, u64 nr) { (void)pfn, (void)nr; }

void enforce_zero(pfn_t pfn, u64 nr, bool flush)
{
    (void)flush;
    explore_hardware();
    memset(pfn_address(pfn), 0, nr << PAGE_SHIFT);
}

void enforce_code(unsigned guest, pfn_t pfn, u64 nr) { (void)guest, (void)pfn, (void)nr; }
void enforce_read(void *to, pfn_t pfn, u64 offset, u64 n) { memcpy(to, (u8 *)pfn_address(pfn) + offset, n); }
void enforce_write(pfn_t pfn, u64 offset, const void *from, u64 n) { memcpy((u8 *)pfn_address(pfn) + offset, from, n); }
void *enforce_keep(pfn_t pfn, u64 nr) { return memset(pfn_address(pfn), 0, nr << PAGE_SHIFT); }
struct trapframe *soft_frame(void) { return enforce_frame(); }

/* --- the machine below ------------------------------------------------------------------------- */
void tf_init_user(struct trapframe *tf, vaddr_t entry, vaddr_t sp, u64 arg0, u64 arg1)
{
    *tf = (struct trapframe){.pc = entry, .sp = sp, .arg = {arg0, arg1}};
}
void arch_fpu_init(struct arch_fpu *fpu) { (void)fpu; }
void arch_fpu_save(struct arch_fpu *fpu) { (void)fpu; }
void arch_fpu_restore(const struct arch_fpu *fpu) { (void)fpu; }
size_t strlcpy(char *to, const char *from, size_t size);
size_t strlcpy(char *to, const char *from, size_t size)
{
    size_t n = strlen(from);

    if (size) {
        memcpy(to, from, MIN(n, size - 1));
        to[MIN(n, size - 1)] = 0;
    }
    return n;
}
