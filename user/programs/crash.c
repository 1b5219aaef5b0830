/* SPDX-License-Identifier: MIT */
/*
 * Dies in the way that its argument names. The kernel prints the reason in one line; init or the shell prints where the
 * program was, and the shell the status. tests/runner/crash.py compares the places.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <code.h>
#include <quire/program.h>

PROGRAM("KIND", "dies: null text data call stack kernel illegal leaf smash divide abort");

static volatile unsigned char not_code[16];
static volatile int zero, seven = 7;

static void __attribute__((noinline)) write_null(void) { *(volatile int *)(uintptr_t)zero = 1; }
static void __attribute__((noinline)) write_text(void) { *(volatile char *)(uintptr_t)write_null = 1; }
static void __attribute__((noinline)) jump_to_data(void)
{
    ((void (*)(void))(uintptr_t)not_code)();
    zero = 0; /* so that it isn't a tail call: a backtrace shows who jumped */
}
static void __attribute__((noinline)) call_null(void)
{
    ((void (*)(void))(uintptr_t)zero)();
    zero = 0; /* as above */
}
static void read_kernel(void) { zero = *(volatile int *)~(uintptr_t)4095; }
static void run_illegal(void) { CODE_ILLEGAL(); }

/* Deep enough for any stack; the code after the call prevents a tail call. */
static int __attribute__((noinline)) recurse(int depth)
{
    volatile char room[1024];

    room[0] = (char)depth;
    return depth ? recurse(depth - 1) + room[0] : 0;
}
static void overflow_stack(void) { zero = recurse(1000000); }

/* strlen() calls nothing, so some machines give it no frame. */
static void measure_nothing(void) { zero = (int)strlen((const char *)(uintptr_t)zero); }

/* Fills its frame with addresses of all kinds; so nobody can know who called it. */
static void __attribute__((noinline)) smash_stack(void)
{
    uintptr_t *frame = __builtin_frame_address(0), bad[] = {(uintptr_t)frame, ~(uintptr_t)0, 3, (uintptr_t)not_code};

    for (int i = -2; i < 20; i++)
        ((volatile uintptr_t *)frame)[i] = bad[i & 3];
    CODE_ILLEGAL(); /* smashed */
}

static void divide(void) { printf("7 / 0 is %d here: division doesn't trap on this machine\n", seven / zero); }

static const struct {
    const char *name;
    void (*run)(void);
} kinds[] = {
    {"null", write_null},      {"text", write_text},    {"data", jump_to_data},   {"call", call_null},
    {"stack", overflow_stack}, {"kernel", read_kernel}, {"illegal", run_illegal}, {"leaf", measure_nothing},
    {"smash", smash_stack},    {"divide", divide},      {"abort", abort},
};

int main(int argc, char **argv)
{
    for (unsigned i = 0; argc == 2 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(argv[1], kinds[i].name) == 0) {
            kinds[i].run();
            return 0;
        }
    if (argc == 2)
        printf("crash: \"%s\" is no kind of death\n", argv[1]);
    usage();
}
