/* SPDX-License-Identifier: MIT */
/*
 * cachesan: a QEMU plugin that watches for code that runs without the cache maintenance which real machines need. This
 * file talks to QEMU: options, translation, the end. README.md says what is modelled.
 *
 * To make it cheap: QEMU translates a block again after each store into it. So the translation sees whether a block was
 * ever stored to, and only such blocks are checked when they run.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cachesan.h"

__attribute__((visibility("default"))) int qemu_plugin_version = API;
struct options options = {.max_reports = 100};
u64 clock_now = 1;
static bool arm;

#define PAGE_BYTES 4096

/* A translated block that was stored to: what to check when it runs. */
struct block {
    unsigned nr;
    struct {
        u64 pc, pa;
    } insn[];
};

static void run_block(unsigned cpu, void *data)
{
    const struct block *b = data;

    for (unsigned i = 0; i < b->nr; i++) {
        store_t s = __atomic_load_n(&stores[word_of(b->insn[i].pa)], __ATOMIC_RELAXED);
        if (!s)
            continue;
        if (arm)
            arm64_check(cpu, b->insn[i].pc, b->insn[i].pa, s);
        else
            riscv_check(cpu, b->insn[i].pc, b->insn[i].pa, s);
    }
}

static void store(unsigned cpu, uint32_t info, uint64_t vaddr, void *data)
{
    if (!qemu_plugin_mem_is_store(info))
        return;
    struct qemu_plugin_hwaddr *address = qemu_plugin_get_hwaddr(info, vaddr);
    if (!address || qemu_plugin_hwaddr_is_io(address))
        return;
    u64 pa = qemu_plugin_hwaddr_phys_addr(address);
    totals.stores++; /* an approximate number is enough */
    note_store(pa, 1u << qemu_plugin_mem_size_shift(info), cpu, (u32)(u64)data);
    if (API >= 2 && API < 5 && arm)
        arm64_note_page(cpu, vaddr, pa);
}

/* --- translation -------------------------------------------------------------------------------- */
static u32 opcode_of(const struct qemu_plugin_insn *insn, unsigned size)
{
    u32 opcode = 0;

#if API < 3
    memcpy(&opcode, qemu_plugin_insn_data(insn), size < 4 ? size : 4);
#else
    qemu_plugin_insn_data(insn, &opcode, size < 4 ? size : 4);
#endif
    return opcode;
}

static void watch_block(struct qemu_plugin_tb *tb, unsigned nr, const u64 *pas)
{
    struct block *b = malloc(sizeof(*b) + 2 * nr * sizeof(b->insn[0]));

    if (!b)
        abort();
    b->nr = 0;
    for (unsigned i = 0; i < nr; i++) {
        if (pas[i] == NOWHERE)
            continue;
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        b->insn[b->nr].pc = qemu_plugin_insn_vaddr(insn);
        b->insn[b->nr++].pa = pas[i];
        /* The instruction's second half is in the next word; if this is on another page, its frame isn't known. */
        if (pas[i] & 2 && qemu_plugin_insn_size(insn) == 4 && (pas[i] + 2) % PAGE_BYTES && is_ram(pas[i] + 2)) {
            b->insn[b->nr] = b->insn[b->nr - 1];
            b->insn[b->nr++].pa += 2;
        }
    }
    /* On the first instruction, not on the block: some QEMUs call block callbacks in another order. */
    qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(tb, 0), run_block, NO_REGS, b);
}

static void translate(struct qemu_plugin_tb *tb)
{
    unsigned nr = (unsigned)qemu_plugin_tb_n_insns(tb);
    u64 pas[nr];
    bool stored_to = false;

    for (unsigned i = 0; i < nr; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        u64 pa = host_to_guest(qemu_plugin_insn_haddr(insn));
        pas[i] = is_ram(pa) ? pa : NOWHERE;
        if (pas[i] == NOWHERE)
            totals.outside++;
        else if (stores[word_of(pa)])
            stored_to = true;
    }
    if (stored_to)
        watch_block(tb, nr, pas);
    for (unsigned i = 0; i < nr; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        unsigned size = (unsigned)qemu_plugin_insn_size(insn);
        u32 opcode = opcode_of(insn, size);
        if (arm)
            arm64_translate(insn, opcode);
        else
            riscv_translate(insn, opcode, size);
        qemu_plugin_register_vcpu_mem_cb(insn, store, NO_REGS, options.quirk ? MEM_R : MEM_W,
                                         (void *)(u64)site_of(qemu_plugin_insn_vaddr(insn)));
    }
}

/* --- the end ------------------------------------------------------------------------------------ */
static void finish(void)
{
    if (!totals.stores)
        say("NOT CHECKED: no store was seen; is quirk=%s right for this QEMU?", options.quirk ? "on" : "off");
    else if (!found_ram())
        say("NOT CHECKED: the machine's RAM, %lu MiB, isn't one mapping of this size in QEMU's memory", options.ram_bytes >> 20);
    else
        say("%lu reports, %lu executions of unsynchronised code; %lu stored words checked when executed, %lu maintenance operations%s%s",
            totals.reports, totals.stale, totals.checked, totals.operations, arm ? ", addresses " : "",
            arm ? arm64_mode() : "");
}

#if API < 7
static void on_cpu(plugin_id id, unsigned cpu)
{
    if (arm && cpu < MAX_CPUS)
        arm64_cpu(cpu);
}
static void on_translate(plugin_id id, struct qemu_plugin_tb *tb) { translate(tb); }
static void on_end(plugin_id id, void *data) { finish(); }
#else
static void on_cpu(unsigned cpu, void *data)
{
    if (arm && cpu < MAX_CPUS)
        arm64_cpu(cpu);
}
static void on_translate(struct qemu_plugin_tb *tb, void *data) { translate(tb); }
static void on_end(void *data) { finish(); }
#endif

/* --- the beginning ------------------------------------------------------------------------------ */
/* "512M", "1G", "size=1G,...", "256" (MiB) in bytes; 0: none of these. */
static u64 size_from(const char *text)
{
    char *end;

    if (!strncmp(text, "size=", 5))
        text += 5;
    u64 n = strtoul(text, &end, 10);
    switch (*end) {
    case 'G': case 'g': return n << 30;
    case 'K': case 'k': return n << 10;
    case 'M': case 'm': case ',': case 0: return n << 20;
    default: return 0;
    }
}

/* QEMU's own command line: how much RAM behind -m, and do its CPUs take turns on one host thread? */
static u64 ram_bytes = 128ul << 20; /* QEMU's default */
static bool one_thread;

static void read_command_line(void)
{
    static char text[65536];
    int file = open("/proc/self/cmdline", O_RDONLY);
    ssize_t bytes = file < 0 ? 0 : read(file, text, sizeof(text) - 2);

    if (file >= 0)
        close(file);
    for (const char *word = text; word < text + bytes; word += strlen(word) + 1) {
        if (!strcmp(word, "-m"))
            ram_bytes = size_from(word + 3);
        if (!strcmp(word, "-icount") || strstr(word, "thread=single"))
            one_thread = true;
    }
}

static bool set_flag(const char *argument, const char *name, bool *flag)
{
    size_t n = strlen(name);

    if (strncmp(argument, name, n) || argument[n] != '=')
        return false;
    *flag = !strcmp(argument + n + 1, "on");
    return true;
}

static bool set_option(const char *a)
{
    if (!strncmp(a, "ram=", 4))
        return (options.ram_base = strtoul(a + 4, NULL, 0)) != 0;
    if (!strncmp(a, "mem=", 4))
        return (options.ram_bytes = size_from(a + 4)) != 0;
    if (!strncmp(a, "reports=", 8))
        return (options.max_reports = (unsigned)atoi(a + 8)) != 0;
    return set_flag(a, "quirk", &options.quirk) || set_flag(a, "frame", &options.frame) ||
           set_flag(a, "reset", &options.from_reset) || set_flag(a, "idc", &options.idc) ||
           set_flag(a, "dic", &options.dic) || set_flag(a, "coarse", &options.coarse);
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc, char **argv)
{
    const char *target = info->target_name;

    read_command_line();
    options.ram_bytes = ram_bytes;
    for (int i = 0; i < argc; i++)
        if (!set_option(argv[i])) {
            say("\"%s\" isn't an option; see README.md", argv[i]);
            return 1;
        }
    if (API < info->version.min || API > info->version.cur) {
        say("built for version %d of the plugin interface, this QEMU speaks %d to %d", API, info->version.min, info->version.cur);
        return 1;
    }
    arm = !strcmp(target, "aarch64");
    if (!arm && strcmp(target, "riscv64")) {
        say("%s: coherent or not modelled, nothing to check", target);
        return 0;
    }
    if (!options.ram_base)
        options.ram_base = arm ? 0x40000000 : 0x80000000; /* of the machine "virt" */
    if (!info->system_emulation || info->system.max_vcpus > MAX_CPUS || !options.ram_bytes || !shadow_open() ||
        (arm && !arm64_open())) {
        say("can't work here: it needs a whole machine with at most %d CPUs and memory for its shadow", MAX_CPUS);
        return 1;
    }
    if (API >= 4 && one_thread && info->system.smp_vcpus > 1) {
        say("can't work here: with several CPUs on one host thread (-icount, thread=single) QEMU 10 and newer name the wrong CPU");
        return 1;
    }
    qemu_plugin_register_atexit_cb(id, on_end, NULL);
#if API < 7
    qemu_plugin_register_vcpu_init_cb(id, on_cpu);
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
#else
    qemu_plugin_register_vcpu_init_cb(id, on_cpu, NULL);
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate, NULL);
#endif
    return 0;
}
