/* SPDX-License-Identifier: MIT */
/*
 * What system calls do with endpoints, notifications and reply objects: kernel/ipc/. Each function is called by the
 * thread that made the system call, with interrupts on and no locks held. `tf` is its user frame: the words of a
 * message are read and written there (tf_word(), tf_info(), tf_extra()).
 *
 * Where a time limit is given, ~0 is none; else it is a time of the machine's clock in nanoseconds. -ETIMEDOUT: it has
 * passed; -EINTR: the caller was killed, which no program sees.
 */
#pragma once

#include <quire/handle.h>
#include <quire/upcalls.h>
#include <uapi/quire/ipc.h>

struct endpoint;
struct interrupt;
struct notification;
struct reply;
struct trapframe;

struct endpoint *endpoint_create(void);         /* NULL: no memory, or the account is full */
struct notification *notification_create(void); /* the same */

/* Sends the message and waits for the reply. 0; -EPIPE: closed, or the receiver ended without an answer; -ETIMEDOUT. */
s64 ipc_call(struct endpoint *e, u64 badge, struct trapframe *tf, u64 until);
/* Sends the message if a thread waits for one. -EAGAIN: nobody does; -EPIPE: closed. Never waits. */
s64 ipc_send(struct endpoint *e, u64 badge, struct trapframe *tf);
/*
 * Waits for a message or a signal. QUIRE_GOT_*; -EPIPE: closed; -ETIMEDOUT. A duty that the caller still has ends
 * first. Takes over the caller's reference to e.
 */
s64 ipc_receive(struct endpoint *e, struct trapframe *tf, u64 until);
/* Answers the call that the caller received last. -ESRCH: there is none, or its caller doesn't wait any more. */
s64 ipc_reply(struct trapframe *tf);
s64 ipc_reply_to(struct reply *r, struct trapframe *tf); /* the same, by a reply object; -ESRCH also: used before */
/* Takes the caller's duty into a new object, so that it can be done later, or by another thread. NULL: *err. */
struct reply *reply_save(int *err); /* -ESRCH: no duty; -ENOMEM */
/*
 * Copies between the window of the call that the caller has received last (r NULL) or of r, at this offset, and the
 * caller's memory. Returns the bytes copied, fewer if something is in the way after them; -ESRCH: no duty, or its
 * caller doesn't wait any more; -EACCES: the window may not be used so, or the memory is a guest's secret; -EFAULT.
 */
s64 window_copy(struct reply *r, u64 offset, u64 buffer, u64 bytes, bool write);

/*
 * The current thread, whose user frame is tf, did something that ends its process, unless the fault handler knows
 * better. what: of a memory fault the access, PROT_*; else enum trap_exception. status: the signal that it is,
 * STATUS_*. True: the thread goes on, with the registers in tf. Interrupts are on, no locks are held.
 */
bool fault_ask(struct trapframe *tf, enum quire_fault_kind kind, vaddr_t addr, u64 what, int status);
/* Before a system call of a traced thread. False: it isn't made; the handler has given a result. */
bool fault_trace_call(struct trapframe *tf);
void fault_trace_result(struct trapframe *tf, u64 number); /* and after it */
struct user_ptr;
/*
 * Reads or sets the registers (struct quire_registers) of the thread whose fault is the call that the caller received
 * last (reply NULL), or the one of `reply`. -ESRCH: no duty, or the thread is killed; -EINVAL: the call is no fault, or
 * pc isn't an address of user space; -EFAULT.
 */
int fault_registers(struct reply *reply, struct user_ptr registers, bool set);

/*
 * The caller waits until a bit of its mask is set, and takes these bits out. The mask is the first word of its user
 * frame, and then the bits are. Takes over the reference. 0; -ETIMEDOUT; -EINTR. May leave the kernel stack for good.
 */
s64 notification_wait(struct notification *n, u64 until);
/*
 * Sets the notification's one timer: at this time of the clock, in nanoseconds, n gets these bits, once. bits 0: no
 * timer any more. True: it was set before, and that time won't come.
 */
bool notification_timer(struct notification *n, u64 bits, u64 at_ns);
void notification_may_listen(struct notification *n); /* before console_listen() */
/* From now on signals come to receivers of e. -EBUSY: one of the two is bound already, or threads wait for n. */
int notification_bind(struct notification *n, struct endpoint *e);

/*
 * The source of interrupts with the machine's number for it, for whoever binds it. level or edge: how it asks for
 * service. A reference; NULL: *err is -ENODEV: there is no such source; -EINVAL: the machine's controller can't be told
 * so; -EBUSY: the source is bound, or it is the kernel's own.
 */
struct interrupt *interrupt_open(u64 number, bool edge, int *err);
/*
 * From now on the source is open, and n gets these bits when it asks for service; then it is masked until
 * interrupt_ack(). -EBUSY: it is bound already. Takes no reference: the end of n masks and frees the source.
 */
int interrupt_bind(struct interrupt *i, struct notification *n, u64 bits);
void interrupt_unbind(struct interrupt *i); /* masked, and free. Fine if it is free already */
int interrupt_ack(struct interrupt *i);     /* open again. -ESRCH: it isn't bound */
