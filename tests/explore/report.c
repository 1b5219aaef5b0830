/* SPDX-License-Identifier: MIT */
/*
 * A schedule in words: where each CPU was, and what the others did meanwhile. addr2line names code; this file names
 * memory.
 */
#include "explore.h"
#include "pair.h"
#include "../native/machine/machine.h"
#include "../native/play/check.h"
#include <quire/hole.h>
#include <quire/memobj.h>
#include <quire/mm.h>
#include <quire/pgtable.h>
#include <quire/poison.h>
#include <quire/slab.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINES_MAX   14 /* lines about one CPU between two changes */
#define CALLERS_MAX 6

bool aloud;
static const char *const *names;
static struct step {
    const void *pc;
    char what[96];
} lines[LINES_MAX];
static unsigned nr_lines, more;
static struct step last;
static bool begun[OPERATIONS_MAX];

/* --- code -------------------------------------------------------------------------------------- */
#define KNOWN_MAX 512
static struct known {
    const void *pc;
    char text[160];
} known[KNOWN_MAX];
static unsigned nr_known;

/* "function() file:line"; of inlined functions, the innermost one that isn't a helper of a header, and the helper.
 */
static void ask(char *text, size_t size, const void *pc)
{
    char command[256], function[128], place[256], helper[128] = "";

    snprintf(command, sizeof(command), "addr2line -i -f -e /proc/%d/exe %p 2>/dev/null", (int)getpid(), pc);
    FILE *pipe = popen(command, "r");
    snprintf(text, size, "%p", pc);
    while (pipe && fgets(function, sizeof(function), pipe) && fgets(place, sizeof(place), pipe)) {
        function[strcspn(function, "\n")] = 0;
        place[strcspn(place, "\n (")] = 0;
        const char *base = place, *found;
        static const char *const tops[] = {"/mm/", "/uv/", "/kernel/", "/lib/", "/include/", "/tests/"};
        for (unsigned i = 0; i < ARRAY_SIZE(tops); i++)
            if ((found = strstr(place, tops[i])) != NULL && (base == place || found < base))
                base = found + 1;
        bool header = strstr(base, ".h:") != NULL;
        if (header) {
            if (!helper[0])
                snprintf(helper, sizeof(helper), "%s", function);
            snprintf(text, size, "%s() %s", function, base);
            continue;
        }
        if (helper[0])
            snprintf(text, size, "%s() %s, in %s()", function, base, helper);
        else
            snprintf(text, size, "%s() %s", function, base);
        break;
    }
    if (pipe)
        pclose(pipe);
}

void report_code(char *text, size_t size, const void *pc)
{
    pc = (const u8 *)pc - 1; /* a return address: the call is before it */
    for (unsigned i = 0; i < nr_known; i++)
        if (known[i].pc == pc) {
            snprintf(text, size, "%s", known[i].text);
            return;
        }
    ask(text, size, pc);
    if (nr_known < KNOWN_MAX) {
        known[nr_known].pc = pc;
        snprintf(known[nr_known++].text, sizeof(known->text), "%s", text);
    }
}

/* --- memory ------------------------------------------------------------------------------------ */
/* Members that are accessed often. */
#define MEMBER(type_, name_)                                                                                           \
    {                                                                                                                  \
#type_, #name_, offsetof(struct type_, name_), sizeof(((struct type_ *)0)->name_)                              \
    }
static const struct member {
    const char *type, *name;
    u64 at, bytes;
} members[] = {
    MEMBER(folio, refs),         MEMBER(folio, map_count),
    MEMBER(folio, pfn),          MEMBER(folio, order),
    MEMBER(folio, flags),        MEMBER(folio, lock),
    MEMBER(folio, nr_holes),     MEMBER(folio, owner),
    MEMBER(folio, index),        MEMBER(folio, clean),
    MEMBER(folio, gen),          MEMBER(folio, quota),
    MEMBER(folio, slab_link),    MEMBER(insecure_mem, refs),
    MEMBER(insecure_mem, nr),    MEMBER(insecure_mem, saved),
    MEMBER(insecure_mem, first), MEMBER(insecure_mem, folio),
    MEMBER(insecure_mem, areas), MEMBER(insecure_mem, map_count),
    MEMBER(hwpoison, saved),     MEMBER(ptdesc, lock),
    MEMBER(ptdesc, fragments),   MEMBER(ptdesc, deposits),
    MEMBER(ptdesc, link),        MEMBER(mm, refs),
    MEMBER(mm, areas_lock),      MEMBER(mm, areas),
    MEMBER(mm, last_found),      MEMBER(mm, nr_mapped),
    MEMBER(mm, nr_table_frames), MEMBER(mm, tables_lock),
    MEMBER(mm, partial_tables),  MEMBER(mm, root),
    MEMBER(mm, need_gen),        MEMBER(vma, node),
    MEMBER(vma, start),          MEMBER(vma, end),
    MEMBER(vma, prot),           MEMBER(vma, flags),
    MEMBER(vma, offset),         MEMBER(vma, obj),
    MEMBER(vma, anon),           MEMBER(vma, obj_link),
    MEMBER(vma, anon_link),      MEMBER(vma, hole),
    MEMBER(memobj, refs),        MEMBER(memobj, lock),
    MEMBER(memobj, areas),       MEMBER(memobj, folios),
};

static void name_in_object(char *text, size_t size, const char *type, u64 number, u64 offset)
{
    for (unsigned i = 0; i < ARRAY_SIZE(members); i++)
        if (!strcmp(members[i].type, type) && offset - members[i].at < members[i].bytes) {
            snprintf(text, size, "%s of %s %lu", members[i].name, type, number);
            return;
        }
    snprintf(text, size, "%s %lu, byte %lu", type, number, offset);
}

static void name_in_ram(char *text, size_t size, pfn_t pfn, u64 offset)
{
    memdesc_t word = memdesc_read(pfn);

    switch (memdesc_type(word)) {
    case MEMDESC_PTDESC: {
        const struct ptdesc *pt = memdesc_pointer(word);
        snprintf(text, size, "entry %lu of the table of level %u in frame 0x%lx",
                 offset % PT_TABLE_BYTES(pt->level) / 8, pt->level, pfn);
        return;
    }
    case MEMDESC_SLAB: {
        const struct slab *slab = memdesc_pointer(word);
        u64 at = (pfn << PAGE_SHIFT | offset) - (address_pfn(slab) << PAGE_SHIFT);
        if (at < sizeof(*slab))
            snprintf(text, size, "a slab of %s", slab->cache->name);
        else
            name_in_object(text, size, slab->cache->name, (at - sizeof(*slab)) / slab->cache->size,
                           (at - sizeof(*slab)) % slab->cache->size);
        return;
    }
    default:
        snprintf(text, size, "contents of frame 0x%lx, %s", pfn, memdesc_type_name(memdesc_type(word)));
    }
}

/* Variables of the kernel: nm knows them. */
#define SYMBOLS_MAX 8192
static struct symbol {
    u64 at, bytes;
    char name[40];
} * symbols;
static unsigned nr_symbols;

static void read_symbols(void)
{
    char line[256], name[128], kind;
    struct symbol s;

    symbols = malloc(SYMBOLS_MAX * sizeof(*symbols));
    snprintf(line, sizeof(line), "nm -S /proc/%d/exe 2>/dev/null", (int)getpid());
    FILE *pipe = popen(line, "r");
    while (symbols && pipe && nr_symbols < SYMBOLS_MAX && fgets(line, sizeof(line), pipe)) {
        if (sscanf(line, "%lx %lx %c %127s", &s.at, &s.bytes, &kind, name) != 4)
            continue;
        snprintf(s.name, sizeof(s.name), "%.39s", name);
        symbols[nr_symbols++] = s;
    }
    if (pipe)
        pclose(pipe);
}

static void report_variable(char *text, size_t size, const void *at)
{
    if (!symbols)
        read_symbols();
    snprintf(text, size, "%p", at);
    for (unsigned i = 0; i < nr_symbols; i++)
        if ((u64)at - symbols[i].at < symbols[i].bytes) {
            snprintf(text, size, "%s, byte %lu", symbols[i].name, (u64)at - symbols[i].at);
            return;
        }
}

void report_place_name(char *text, size_t size, const void *at)
{
    u64 word = (const memdesc_t *)at - world_words;
    pfn_t pfn = address_pfn(at);

    if (word < WORLD_MAX_FRAMES)
        snprintf(text, size, "the word of frame 0x%lx", WORLD_FIRST_PFN + word);
    else if (pfn_valid(pfn))
        name_in_ram(text, size, pfn, (u64)at % PAGE_SIZE);
    else if ((const u8 *)at - (const u8 *)percpu_area >= 0 && (const u8 *)at < (const u8 *)(percpu_area + MAX_CPUS))
        snprintf(text, size, "what belongs to CPU %lu, byte %lu", ((u64)at - (u64)percpu_area) / sizeof(struct percpu),
                 ((u64)at - (u64)percpu_area) % sizeof(struct percpu));
    else
        report_variable(text, size, at);
}

/* --- the story --------------------------------------------------------------------------------- */
void report_begin(const char *const *operation_names, unsigned nr)
{
    names = operation_names;
    memset(begun, 0, sizeof(begun));
    (void)nr;
    nr_lines = more = 0;
}

static const char *doing(enum access kind)
{
    switch (kind) {
    case ACCESS_PLAIN_READ:
    case ACCESS_ONCE_READ:
    case ACCESS_ATOMIC_LOAD:
        return "reads";
    case ACCESS_ATOMIC_CHANGE:
        return "changes";
    default:
        return "writes";
    }
}

void report_place(const void *at, size_t size, enum access kind, const void *pc, bool matters)
{
    char name[80];

    report_place_name(name, sizeof(name), at);
    if (size >= PAGE_SIZE)
        snprintf(name, sizeof(name), "all of frame 0x%lx", address_pfn(at));
    last.pc = pc;
    snprintf(last.what, sizeof(last.what), "%s %s", doing(kind), name);
    if (!access_writes(kind) || !matters)
        return;
    if (nr_lines && lines[nr_lines - 1].pc == pc) { /* a loop: its last access is printed */
        lines[nr_lines - 1] = last;
        return;
    }
    if (nr_lines == LINES_MAX) { /* keep the first half and the latest lines */
        memmove(lines + LINES_MAX / 2, lines + LINES_MAX / 2 + 1, (LINES_MAX - LINES_MAX / 2 - 1) * sizeof(*lines));
        nr_lines--;
        more++;
    }
    lines[nr_lines++] = last;
}

static void tell_lines(unsigned without_last)
{
    char code[160];
    unsigned nr = nr_lines > without_last ? nr_lines - without_last : 0;

    for (unsigned i = 0; i < nr; i++) {
        if (more && i == LINES_MAX / 2)
            printf("        ... %u more\n", more);
        report_code(code, sizeof(code), lines[i].pc);
        printf("        %s: %s\n", code, lines[i].what);
    }
    nr_lines = more = 0;
}

/* "in a(), called by b(), c()" */
static void tell_callers(void)
{
    const struct call_stack *c = &calls[running];
    char code[160];
    unsigned told = 0;

    for (unsigned i = c->depth; i-- > 1 && told < CALLERS_MAX;) {
        if (i >= CALLS_MAX)
            continue;
        report_code(code, sizeof(code), c->pc[i]);
        code[strcspn(code, " ")] = 0;
        if (!strcmp(code, "?"
                          "?()"))
            continue;
        printf("%s%s", told++ ? ", " : ", called by ", code);
    }
}

void report_stops(const char *why)
{
    char code[160];
    bool lock = why[0];

    tell_lines(nr_lines && lines[nr_lines - 1].pc == last.pc);
    report_code(code, sizeof(code), last.pc);
    if (lock)
        printf("    CPU %u waits: %s. It is in %s", running, why, code);
    else
        printf("    CPU %u stops at place %lu, before it %s: it is in %s", running, places_passed, last.what, code);
    tell_callers();
    printf("\n");
}

void report_goes_on(unsigned cpu)
{
    tell_lines(0);
    printf(begun[cpu] ? "  CPU %u goes on with %s:\n" : "  CPU %u begins %s:\n", cpu, names[cpu]);
    begun[cpu] = true;
}

void report_result(long result)
{
    tell_lines(0);
    printf("    CPU %u is through: %s says %s\n", running, names[running], error_name(result));
    fflush(stdout);
}

void report_end(void) { tell_lines(0); }
