/* SPDX-License-Identifier: MIT */
/*
 * arm64 (Arm ARM, "Synchronization and coherency issues between data and instruction accesses"). For each stored word:
 *
 *   DC CVAU of its line, DSB     cleaned: the time at which the DSB completed it
 *   IC IVAU of its line, DSB     fetchable, if the IC came after that time: again the time of the DSB
 *   ISB, ERET or an exception    on the CPU that executes it, after that
 *
 * Operations on all lines (IC IALLU(IS), DC by set and way, and operations with an unknown address) are kept in lists.
 * A CPU's stores before it writes SCTLR are forgotten, because it may have made them with its caches off.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cachesan.h"

#define LINE_WORDS 16 /* lines of 64 bytes, as all CPUs of QEMU's have */

enum kind { DC, DC_ALL, IC, IC_ALL, IC_ALL_HERE, DSB, DSB_HERE, SYNC, SCTLR };

/* An operation in the guest's code. */
struct op {
    enum kind kind;
    unsigned reg;
    u64 pc;
};

/* Operations that a CPU has begun and that no DSB has completed yet. */
struct pending {
    u64 *at; /* pairs: line, time */
    size_t nr, room;
    u64 all;  /* the latest one on all lines, 0: none */
    u64 here; /* the latest IC IALLU, for this CPU alone */
};

/* Completed operations on all lines: when begun, when completed; both increase. */
struct history {
    struct event {
        u64 begun, done;
    } *at;
    size_t nr, room;
};

static struct cpu {
    u64 synced, forget_before;
    bool checks;
    struct pending dc, ic;
    struct history iallu;
    u64 hint_pa, hint_pc;
    unsigned hint_reg;
    void *regs[31];
    u64 page[1024], frame[1024]; /* the pages of the CPU's stores, and their frames */
} cpus[MAX_CPUS];

static u64 *cleaned, *fetchable;      /* the time for each word; valid if later than the store's */
static u64 *line_dc, *line_ic;        /* for each line the last operation begun, for the report */
static struct history dc_all, ic_all;
static u64 last_dc, last_ic;
static u64 by_idiom, by_register, coarse;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

bool arm64_open(void)
{
    cleaned = shadow_array(options.ram_bytes / 4 * sizeof(u64));
    fetchable = shadow_array(options.ram_bytes / 4 * sizeof(u64));
    line_dc = shadow_array(options.ram_bytes / 64 * sizeof(u64));
    line_ic = shadow_array(options.ram_bytes / 64 * sizeof(u64));
    return cleaned && fetchable && line_dc && line_ic;
}

void arm64_cpu(unsigned cpu)
{
    cpus[cpu].checks = options.from_reset;
#if API >= 2
    struct garray *list = qemu_plugin_get_registers();
    const struct reg_descriptor *r = (const void *)list->data;
    unsigned n;
    char end;

    for (unsigned i = 0; i < list->len; i++)
        if (r[i].name && sscanf(r[i].name, "x%u%c", &n, &end) == 1 && n < 31)
            cpus[cpu].regs[n] = r[i].handle;
#endif
}

const char *arm64_mode(void)
{
    static char text[200];

    snprintf(text, sizeof(text), "%s (%lu operations by address: %lu by the ldrb idiom, %lu by register, %lu taken for all lines)",
             coarse ? by_idiom + by_register ? "partly exact" : "coarse" : "exact", by_idiom + by_register + coarse, by_idiom,
             by_register, coarse);
    return text;
}

/* --- lists -------------------------------------------------------------------------------------- */
static void *grown(void *at, size_t nr, size_t *room, size_t size)
{
    if (nr < *room)
        return at;
    *room = *room ? 2 * *room : 64;
    at = realloc(at, *room * size);
    if (!at)
        abort();
    return at;
}

static void begin(struct pending *p, u64 line, u64 time)
{
    p->at = grown(p->at, p->nr + 1, &p->room, 2 * sizeof(u64));
    p->at[2 * p->nr] = line;
    p->at[2 * p->nr++ + 1] = time;
}

static void complete_all(struct history *h, u64 begun, u64 done)
{
    h->at = grown(h->at, h->nr + 1, &h->room, sizeof(*h->at));
    if (!h->nr || h->at[h->nr - 1].begun < begun)
        h->at[h->nr++] = (struct event){begun, done};
}

/* When the first operation begun after `time` was complete. */
static u64 first_done(const struct history *h, u64 time)
{
    size_t low = 0, high = h->nr;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (h->at[middle].begun > time)
            high = middle;
        else
            low = middle + 1;
    }
    return low < h->nr ? h->at[low].done : NEVER;
}

static u64 earlier(u64 a, u64 b) { return a < b ? a : b; }

/* When a store made at `time` to word w was clean. */
static u64 clean_time(u64 w, u64 time)
{
    u64 all = first_done(&dc_all, time);

    return cleaned[w] > time ? earlier(cleaned[w], all) : all;
}

/* --- operations --------------------------------------------------------------------------------- */
static void complete(struct cpu *c, u64 done)
{
    for (size_t i = 0; i < c->dc.nr; i++)
        for (u64 w = c->dc.at[2 * i] * LINE_WORDS, end = w + LINE_WORDS; w < end; w++)
            if (stores[w] && store_time(stores[w]) < c->dc.at[2 * i + 1] && cleaned[w] <= store_time(stores[w]))
                cleaned[w] = done;
    if (options.idc)
        c->dc.all = done;
    if (c->dc.all)
        complete_all(&dc_all, c->dc.all, done);
    for (size_t i = 0; i < c->ic.nr; i++)
        for (u64 w = c->ic.at[2 * i] * LINE_WORDS, end = w + LINE_WORDS; w < end; w++)
            if (stores[w] && fetchable[w] <= store_time(stores[w]) &&
                clean_time(w, store_time(stores[w])) < c->ic.at[2 * i + 1])
                fetchable[w] = done;
    if (c->ic.all)
        complete_all(&ic_all, c->ic.all, done);
    c->dc.nr = c->ic.nr = 0;
    c->dc.all = c->ic.all = 0;
}

static void complete_here(struct cpu *c, u64 done)
{
    if (c->ic.here)
        complete_all(&c->iallu, c->ic.here, done);
    c->ic.here = 0;
}

#if API >= 2
/* The register's value as a physical address. */
static u64 by_value(struct cpu *c, unsigned reg)
{
    static __thread struct garray *bytes;
    u64 va = 0, pa;

    if (!bytes)
        bytes = g_byte_array_new();
    g_byte_array_set_size(bytes, 0);
    if (!c->regs[reg])
        return NOWHERE;
    qemu_plugin_read_register(c->regs[reg], bytes);
    if (bytes->len != 8)
        return NOWHERE;
    memcpy(&va, bytes->data, 8);
#if API >= 5
    return qemu_plugin_translate_vaddr(va, &pa) ? pa : NOWHERE;
#else
    pa = va >> 12;
    return c->page[pa % 1024] == pa + 1 ? c->frame[pa % 1024] << 12 | (va & 4095) : NOWHERE;
#endif
}
#endif

/* The address that `DC CVAU, Xn` works on; NOWHERE if it isn't known. */
static u64 address_of(struct cpu *c, const struct op *op)
{
    u64 pa = NOWHERE;

    if (!options.coarse && c->hint_pc + 4 == op->pc && c->hint_reg == op->reg) {
        pa = c->hint_pa;
        by_idiom++;
    }
#if API >= 2
    else if (!options.coarse && op->reg < 31 && (pa = by_value(c, op->reg)) != NOWHERE)
        by_register++;
#endif
    else
        coarse++;
    c->hint_pc = 0;
    return pa;
}

static void by_address(struct cpu *c, const struct op *op, struct pending *p, u64 *line_times, u64 time)
{
    u64 pa = address_of(c, op);

    if (pa == NOWHERE) {
        p->all = time;
    } else if (is_ram(pa)) {
        u64 line = word_of(pa) / LINE_WORDS;
        begin(p, line, time);
        line_times[line] = time;
    }
}

static void execute(unsigned cpu, void *data)
{
    struct cpu *c = &cpus[cpu];
    const struct op *op = data;

    pthread_mutex_lock(&lock);
    u64 time = tick();
    switch (op->kind) {
    case DC:
        last_dc = time;
        by_address(c, op, &c->dc, line_dc, time);
        break;
    case DC_ALL:
        last_dc = c->dc.all = time;
        break;
    case IC:
        last_ic = time;
        by_address(c, op, &c->ic, line_ic, time);
        break;
    case IC_ALL:
        last_ic = c->ic.all = time;
        break;
    case IC_ALL_HERE:
        last_ic = c->ic.here = time;
        break;
    case DSB:
        complete(c, time);
        complete_here(c, time);
        break;
    case DSB_HERE:
        complete_here(c, time);
        break;
    case SYNC:
        c->synced = time;
        break;
    case SCTLR:
        c->checks = true;
        c->forget_before = time;
        break;
    }
    if (op->kind <= IC_ALL_HERE)
        totals.operations++;
    pthread_mutex_unlock(&lock);
}

/* `ldrb wzr, [xN]` right before a maintenance operation on xN: the access shows the address. */
static void hint(unsigned cpu, uint32_t info, uint64_t vaddr, void *data)
{
    struct qemu_plugin_hwaddr *address = qemu_plugin_get_hwaddr(info, vaddr);
    const struct op *op = data;
    struct cpu *c = &cpus[cpu];

    if (address && !qemu_plugin_hwaddr_is_io(address)) {
        c->hint_pa = qemu_plugin_hwaddr_phys_addr(address);
        c->hint_pc = op->pc;
        c->hint_reg = op->reg;
    }
}

/* --- instructions ------------------------------------------------------------------------------- */
static const struct {
    u32 mask, value;
    enum kind kind;
} instructions[] = {
    {~31u, 0xd50b7b20, DC}, {~31u, 0xd50b7a20, DC}, {~31u, 0xd50b7e20, DC}, /* CVAU CVAC CIVAC */
    {~31u, 0xd50b7c20, DC}, {~31u, 0xd50b7d20, DC},                         /* CVAP CVADP */
    {~31u, 0xd5087a40, DC_ALL}, {~31u, 0xd5087e40, DC_ALL},                 /* CSW CISW */
    {~31u, 0xd50b7520, IC}, {~31u, 0xd508711f & ~31u, IC_ALL}, {~31u, 0xd508751f & ~31u, IC_ALL_HERE},
    {~0u, 0xd5033f9f, DSB}, {~0u, 0xd5033b9f, DSB}, {~0u, 0xd503339f, DSB}, /* SY ISH OSH; not -ST, -LD */
    {~0u, 0xd503379f, DSB_HERE},                                            /* NSH */
    {~0xf00u, 0xd50330df, SYNC},                                            /* ISB */
    {~0u, 0xd69f03e0, SYNC}, {~0u, 0xd69f0bff, SYNC}, {~0u, 0xd69f0fff, SYNC},                /* ERET ERETAA ERETAB */
    {0xffe0001f, 0xd4000001, SYNC}, {0xffe0001f, 0xd4000002, SYNC}, {0xffe0001f, 0xd4000003, SYNC}, /* SVC HVC SMC */
    {~31u, 0xd5181000, SCTLR}, {~31u, 0xd51c1000, SCTLR}, {~31u, 0xd51e1000, SCTLR},          /* EL1 EL2 EL3 */
};

static struct op *new_op(enum kind kind, u32 reg, u64 pc)
{
    struct op *op = malloc(sizeof(*op));

    if (!op)
        abort();
    *op = (struct op){kind, reg, pc};
    return op;
}

void arm64_translate(struct qemu_plugin_insn *insn, u32 opcode)
{
    u64 pc = qemu_plugin_insn_vaddr(insn);

    if ((opcode & ~0x3e0u) == 0x3940001f) /* ldrb wzr, [xN] */
        qemu_plugin_register_vcpu_mem_cb(insn, hint, NO_REGS, MEM_RW, new_op(DC, opcode >> 5 & 31, pc));
    for (unsigned i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++)
        if ((opcode & instructions[i].mask) == instructions[i].value) {
            enum kind kind = instructions[i].kind;
            qemu_plugin_register_vcpu_insn_exec_cb(insn, execute, kind == DC || kind == IC ? R_REGS : NO_REGS,
                                                   new_op(kind, opcode & 31, pc));
            return;
        }
}

/* A store shows the frame of a page, for operations whose address is a register's value. */
void arm64_note_page(unsigned cpu, u64 va, u64 pa)
{
    u64 page = va >> 12;

    cpus[cpu].page[page % 1024] = page + 1;
    cpus[cpu].frame[page % 1024] = pa >> 12;
}

/* --- checks ------------------------------------------------------------------------------------- */
static void explain(unsigned cpu, u64 pc, u64 pa, store_t s, u64 w)
{
    u64 time = store_time(s), clean = clean_time(w, time), line = w / LINE_WORDS;
    const struct cpu *c = &cpus[cpu];

    if (clean == NEVER) {
        if (line_dc[line] > time)
            report(cpu, pc, pa, s, "DSB after DC CVAU of this line");
        else if (last_dc > time && coarse)
            report(cpu, pc, pa, s, "DSB after DC CVAU");
        else if (last_dc > time)
            report(cpu, pc, pa, s, "DC CVAU of this line since the store (only other lines were cleaned)");
        else
            report(cpu, pc, pa, s, "DC CVAU since the store");
    } else if (line_ic[line] > clean || c->ic.all > clean || c->ic.here > clean) {
        report(cpu, pc, pa, s, "DSB after IC IVAU");
    } else if (line_ic[line] > time || (last_ic > time && last_ic < clean)) {
        report(cpu, pc, pa, s, "DSB between DC CVAU and IC IVAU (the line was invalidated before it was clean)");
    } else if (last_ic > clean) {
        report(cpu, pc, pa, s, "IC IVAU of this line since it was cleaned (only others were invalidated)");
    } else {
        report(cpu, pc, pa, s, "IC IVAU since the line was cleaned");
    }
}

void arm64_check(unsigned cpu, u64 pc, u64 pa, store_t s)
{
    const struct cpu *c = &cpus[cpu];
    u64 time = store_time(s), w = word_of(pa), done;

    if (!c->checks || time < cpus[store_cpu(s)].forget_before)
        return;
    pthread_mutex_lock(&lock);
    totals.checked++;
    u64 clean = clean_time(w, time);
    done = fetchable[w] > time ? fetchable[w] : NEVER;
    if (clean != NEVER)
        done = earlier(done, options.dic ? clean : earlier(first_done(&ic_all, clean), first_done(&c->iallu, clean)));
    if (done == NEVER)
        explain(cpu, pc, pa, s, w);
    else if (c->synced <= done)
        report(cpu, pc, pa, s, "ISB or exception return on CPU %u since the invalidation", cpu);
    pthread_mutex_unlock(&lock);
}
