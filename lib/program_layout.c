/* SPDX-License-Identifier: MIT */
/* The first stack of a program: see <quire/program_layout.h>. */
#include <quire/program_layout.h>
#include <quire/string.h>

/* s390x: a function may use so many bytes above its first stack pointer. The other machines need none. */
#define ROOM_ABOVE 160

static uint64_t align_down(uint64_t at) { return at & ~15ul; }

void first_stack_plan(struct first_stack *stack, const struct arguments *args)
{
    size_t at = 0;

    stack->strings = align_down(FIRST_STACK_TOP - args->bytes);
    for (unsigned i = 0; i < args->nr; i++) {
        stack->pointers[i] = stack->strings + at;
        at += strlen(args->text + at) + 1;
    }
    stack->pointers[args->nr] = 0;
    stack->argv = align_down(stack->strings - (args->nr + 1) * sizeof(stack->pointers[0]));
    stack->sp = stack->argv - ROOM_ABOVE;
}
