/* SPDX-License-Identifier: MIT */
/*
 * QEMU's plugin interface as far as cachesan uses it, declared by hand: no package has the header, and only a small
 * part of a plain C interface is needed. API is the version of the interface to build for. A plugin has exactly one
 * version, and QEMU refuses versions that it doesn't know:
 *
 *   QEMU 7.2 to 8.2: 1    9.0: 2    9.1: 3    9.2, 10.0: 4    10.1: 5    10.2: 6    11: 7
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef API
#define API 1
#endif

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;

struct qemu_info {
    const char *target_name;
    struct {
        int min, cur;
    } version;
    bool system_emulation;
    struct {
        int smp_vcpus, max_vcpus;
    } system;
};

enum { NO_REGS, R_REGS };            /* may a callback read registers? */
enum { MEM_R = 1, MEM_W, MEM_RW };   /* which accesses call back */

typedef void exec_callback(unsigned cpu, void *data);
typedef void mem_callback(unsigned cpu, uint32_t info, uint64_t vaddr, void *data);

void qemu_plugin_outs(const char *text);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t n);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn); /* where in QEMU's own memory */
#if API < 3
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
#else
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *to, size_t bytes);
#endif
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, exec_callback *cb, int regs, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, mem_callback *cb, int regs, int which, void *data);
bool qemu_plugin_mem_is_store(uint32_t info);
unsigned qemu_plugin_mem_size_shift(uint32_t info);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(uint32_t info, uint64_t vaddr);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *address);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *address);

/* Version 7 gave every callback a pointer that the plugin chooses, and removed the plugin's number. */
#if API < 7
void qemu_plugin_register_vcpu_init_cb(plugin_id id, void (*cb)(plugin_id id, unsigned cpu));
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*cb)(plugin_id id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_atexit_cb(plugin_id id, void (*cb)(plugin_id id, void *data), void *data);
#else
void qemu_plugin_register_vcpu_init_cb(plugin_id id, void (*cb)(unsigned cpu, void *data), void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*cb)(struct qemu_plugin_tb *tb, void *data), void *data);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*cb)(void *data), void *data);
#endif

/* Registers: since 9.0. The arrays are GLib's, whose functions are in every QEMU process. */
#if API >= 2
struct garray {
    char *data;
    unsigned len;
};
struct reg_descriptor {
    void *handle;
    const char *name, *feature;
#if API >= 6
    bool is_readonly;
#endif
};
struct garray *qemu_plugin_get_registers(void);
int qemu_plugin_read_register(void *handle, struct garray *bytes); /* 6 and newer: bool */
struct garray *g_byte_array_new(void);
struct garray *g_byte_array_set_size(struct garray *array, unsigned bytes);
#endif
#if API >= 5
bool qemu_plugin_translate_vaddr(uint64_t vaddr, uint64_t *paddr);
#endif
