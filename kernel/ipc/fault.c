/* SPDX-License-Identifier: MIT */
/*
 * Faults as messages. When a thread does something that would end its process, the process's fault handler gets a call:
 * six words say what happened, and the reply says how it goes on. A handler that traces gets system calls, too, before
 * and after they are made. Without a handler, or if it ends without an answer, the process ends as if there were none.
 *
 * The call is an ordinary one, made by the faulting thread (ipc_call_words()). The thread's registers are what the
 * handler wants to see: while it has the duty to answer, it reads and writes them by fault_registers().
 */
#include "ipc.h"
#include <quire/endpoint.h>
#include <quire/errno.h>
#include <quire/process.h>
#include <quire/uaccess.h>
#include <uapi/quire/abi.h>
#include <uapi/quire/ipc.h>
#include <arch-generic/machine.h>

static u64 first_word(enum quire_fault_kind kind)
{
    return (u64)kind | current_thread()->id << QUIRE_FAULT_THREAD_SHIFT;
}

/* The handler's answer is in words after this. False: it doesn't answer. */
static bool ask(const struct fault_handler *handler, const struct trapframe *tf, u64 *words)
{
    struct thread *self = current_thread();

    self->ipc.stopped_at = tf;
    s64 result = ipc_call_words(handler->endpoint, handler->badge, words);
    self->ipc.stopped_at = NULL;
    return result == 0;
}

static bool ask_current(const struct trapframe *tf, u64 *words, bool trace)
{
    struct fault_handler handler = process_faults(current_process());
    bool answered = handler.endpoint && (!trace || handler.traces) && ask(&handler, tf, words);

    object_put((struct object *)handler.endpoint);
    return answered;
}

bool fault_ask(struct trapframe *tf, enum quire_fault_kind kind, vaddr_t addr, u64 what, int status)
{
    u64 words[QUIRE_MESSAGE_WORDS] = {first_word(kind), addr, tf_pc(tf), tf_sp(tf), what, (u64)status};

    bool resume = ask_current(tf, words, false) && words[0] == QUIRE_FAULT_RESUME;
    return resume || current_killed(); /* a killed one ends quietly, on its way to user mode */
}

bool fault_trace_call(struct trapframe *tf)
{
    u64 words[QUIRE_MESSAGE_WORDS] = {first_word(QUIRE_FAULT_SYSTEM_CALL),
                                      tf_syscall_nr(tf),
                                      tf_arg(tf, 0),
                                      tf_arg(tf, 1),
                                      tf_arg(tf, 2),
                                      tf_arg(tf, 3)};

    if (!ask_current(tf, words, true) || words[0] != QUIRE_FAULT_SKIP)
        return true;
    tf_set_ret(tf, (s64)words[1]);
    return false;
}

void fault_trace_result(struct trapframe *tf, u64 number)
{
    u64 words[QUIRE_MESSAGE_WORDS] = {first_word(QUIRE_FAULT_RESULT), number, (u64)tf_ret(tf)};

    ask_current(tf, words, true);
}

/* --- the handler's side ---------------------------------------------------------------------------- */
static void read_registers(const struct trapframe *tf, struct quire_registers *r)
{
    *r = (struct quire_registers){.pc = tf_pc(tf), .sp = tf_sp(tf), .nr = ARCH_GENERAL_REGISTERS};
    for (unsigned i = 0; i < ARCH_GENERAL_REGISTERS; i++)
        r->general[i] = *tf_general((struct trapframe *)tf, i);
}

static void write_registers(struct trapframe *tf, const struct quire_registers *r)
{
    for (unsigned i = 0; i < ARCH_GENERAL_REGISTERS; i++)
        *tf_general(tf, i) = r->general[i];
    tf_set_pc(tf, r->pc);
    tf_set_sp(tf, r->sp);
}

/* Under the hold, so the thread can't go on. False: its call isn't a fault's. */
static bool exchange(const struct duty *duty, struct quire_registers *r, bool set)
{
    struct trapframe *tf = (struct trapframe *)duty->caller->ipc.stopped_at;

    if (!tf)
        return false;
    if (set)
        write_registers(tf, r);
    else
        read_registers(tf, r);
    return true;
}

static int exchange_held(const struct duty *duty, struct quire_registers *r, bool set)
{
    bool irq = irq_save();
    int err = duty_hold(duty) ? 0 : -ESRCH;

    if (!err) {
        err = exchange(duty, r, set) ? 0 : -EINVAL;
        duty_release(duty);
    }
    irq_restore(irq);
    return err;
}

int fault_registers(struct reply *reply, struct user_ptr registers, bool set)
{
    struct quire_registers r;
    struct duty duty;
    int err = set ? copy_in(&r, registers, sizeof(r)) : 0;

    if (!err && set && (!user_range_ok(r.pc, 1) || r.nr != ARCH_GENERAL_REGISTERS))
        err = -EINVAL;
    if (err)
        return err;
    if (!duty_look(reply, &duty))
        return -ESRCH;
    err = exchange_held(&duty, &r, set);
    thread_put(duty.caller);
    return err || set ? err : copy_out(registers, &r, sizeof(r));
}
