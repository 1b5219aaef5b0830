/* SPDX-License-Identifier: MIT */
/* Dies in the way that its argument names. The kernel prints the reason in one line; the shell prints the status. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <code.h>
#include <quire/program.h>

PROGRAM("KIND", "dies: null text data stack kernel illegal divide abort");

static volatile unsigned char not_code[16];
static volatile int zero, seven = 7;

static void __attribute__((noinline)) write_null(void) { *(volatile int *)(uintptr_t)zero = 1; }
static void __attribute__((noinline)) write_text(void)
{
    *(volatile char *)(uintptr_t)write_null = 1;
}
static void jump_to_data(void) { ((void (*)(void))(uintptr_t)not_code)(); }
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

static void divide(void)
{
    printf("7 / 0 is %d here: division doesn't trap on this machine\n", seven / zero);
}

static const struct {
    const char *name;
    void (*run)(void);
} kinds[] = {
    {"null", write_null},      {"text", write_text},    {"data", jump_to_data},
    {"stack", overflow_stack}, {"kernel", read_kernel}, {"illegal", run_illegal},
    {"divide", divide},        {"abort", abort},
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
