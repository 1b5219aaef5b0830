/* SPDX-License-Identifier: MIT */
/*
 * Writes code and runs it: random programs of a small bytecode are compiled into a page that is mapped twice (no
 * mapping is writable and executable), synchronised, run, and compared with an interpreter.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <quire/jit.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("[ROUNDS [forget]]", "writes machine code, runs it and checks what it computes; forget: without cache_sync()");

#define PAGE 4096ul

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? atoi(argv[1]) : 1000, bytes = 0;
    int forget = argc > 2;
    int object = (int)quire_call(memory_create, PAGE);
    char *writable = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, object, 0);
    char *executable = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, object, 0);
    struct jit_insn program[JIT_OPS_MAX];

    if (rounds < 1 || argc > 3 || (forget && strcmp(argv[2], "forget") != 0))
        usage();
    if (writable == MAP_FAILED || executable == MAP_FAILED) {
        perror("jit: mmap");
        return 1;
    }
    for (long i = 0; i < rounds; i++) {
        unsigned long x = 1 + (unsigned long)i % 20, at = (unsigned long)i * 64 % (PAGE - JIT_BYTES_MAX);
        jit_invent(program, (unsigned long)i);
        size_t length = jit_compile(program, writable + at);
        if (!forget)
            quire_call(cache_sync, executable + at, length);
        unsigned long seen = ((jit_function *)(executable + at))(x), expected = jit_interpret(program, x);
        if (seen != expected) {
            printf("jit: round %ld: expected %lu, seen %lu for x = %lu\n", i, expected, seen, x);
            return 1;
        }
        bytes += (long)length;
    }
    printf("jit: %ld programs, %ld bytes of code, all as interpreted%s\n", rounds, bytes,
           forget ? ", and not one was synchronised: this machine keeps no instruction cache" : "");
    return 0;
}
