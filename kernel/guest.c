/* SPDX-License-Identifier: MIT */
#include <quire/guest.h>
#include <quire/object.h>
#include <quire/sys.h>
#include <quire/errno.h>
void guest_forget_process(struct process *p) {}
void guest_destroy_object(struct object *o) {}
void guest_trap_syscall(struct trapframe *tf) {}
void guest_trap_fault(struct trapframe *tf, vaddr_t addr, unsigned access) {}
void guest_trap_exception(struct trapframe *tf, enum exception what, u64 code, vaddr_t addr) {}
s64 sys_guest_create(struct trapframe *tf) { return -ENOSYS; }
s64 sys_guest_run(struct trapframe *tf) { return -ENOSYS; }
s64 sys_guest_share(struct trapframe *tf) { return -ENOSYS; }
s64 sys_guest_map(struct trapframe *tf) { return -ENOSYS; }
s64 sys_guest_peek(struct trapframe *tf) { return -ENOSYS; }
s64 sys_guest_info(struct trapframe *tf) { return -ENOSYS; }
