/* SPDX-License-Identifier: MIT */
/*
 * Null pointers of the kernel. The lowcore is at address 0, so a read there is no fault on this machine. In debug
 * kernels the compiler checks each pointer before it is used (-fsanitize=null, arch.mk), and calls this function if one
 * is null. Its name and its argument are gcc's (libubsan: __ubsan_handle_type_mismatch_v1). Code that uses a pointer to
 * the lowcore is marked ALLOWS_NULL (<arch/lowcore.h>).
 */
#include <arch-generic/context.h>
#include <quire/upcalls.h>

#define KIND_STORE 1 /* libubsan, enum TypeCheckKind; a member is 3, whether it is read or written */

struct mismatch {
    const char *file;
    u32 line, column;
    const void *type;
    u8 log2_alignment, kind;
};

void __noreturn __ubsan_handle_type_mismatch_v1_abort(const struct mismatch *use, vaddr_t pointer);

void __noreturn __ubsan_handle_type_mismatch_v1_abort(const struct mismatch *use, vaddr_t pointer)
{
    struct trapframe tf = {.psw = {PSW_KERNEL, (vaddr_t)__builtin_return_address(0)}}; /* the registers aren't known */

    trap_null_pointer(&tf, use->kind == KIND_STORE ? ACCESS_WRITE : ACCESS_READ, use->file, use->line);
}
