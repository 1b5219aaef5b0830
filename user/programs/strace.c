/* SPDX-License-Identifier: MIT */
/*
 * Runs a program and prints its system calls and faults. It is the program's fault handler: the kernel asks it before
 * and after each system call, and when a thread does something that ends the process. See docs/kernel.md, "Faults".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <quire/call_table.h>
#include <quire/command.h>
#include <quire/loader.h>
#include <quire/message.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("PROGRAM [ARGUMENTS]", "runs PROGRAM and prints its system calls and faults");

#define ENDED 1ul /* the notification's bit: the program has ended */

static void print_call(unsigned long number, const unsigned long *arguments)
{
    struct call_line line = call_line(number);

    if (!line.name) {
        printf("system call %lu, which doesn't exist", number);
        return;
    }
    printf("%s(", line.name);
    for (unsigned i = 0; i < line.nr_arguments; i++)
        if (i < 4)
            printf(arguments[i] < 1024 ? "%s%lu" : "%s0x%lx", i ? ", " : "", arguments[i]);
        else
            printf(", ...");
    printf(")");
}

static void print_result(unsigned long number, long result)
{
    const char *known = call_line(number).name, *name = known ? known : "?";

    if (result < 0 && result > -4096)
        printf("  %s: %s\n", name, strerror((int)-result));
    else
        printf(result < 1024 ? "  %s = %ld\n" : "  %s = 0x%lx\n", name, result);
}

static void print_fault(unsigned long kind, const unsigned long *word)
{
    if (kind == QUIRE_FAULT_MEMORY)
        printf("fault: %s at 0x%lx, pc 0x%lx, signal %lu\n",
               word[4] == PROT_WRITE  ? "write"
               : word[4] == PROT_EXEC ? "jump"
                                              : "read",
               word[1], word[2], word[5]);
    else
        printf("exception: pc 0x%lx, signal %lu\n", word[2], word[5]);
}

/* Prints one message of the traced program. The answer: let it go on, but a fault ends it. */
static unsigned long show(const unsigned long *word)
{
    unsigned long kind = QUIRE_FAULT_KIND(word[0]);

    if (kind == QUIRE_FAULT_SYSTEM_CALL) {
        print_call(word[1], word + 2);
        printf("\n");
    } else if (kind == QUIRE_FAULT_RESULT) {
        print_result(word[1], (long)word[2]);
    } else {
        print_fault(kind, word);
    }
    return kind == QUIRE_FAULT_SYSTEM_CALL || kind == QUIRE_FAULT_RESULT ? QUIRE_FAULT_RESUME : QUIRE_FAULT_END;
}

/* Serves the program's messages until it has ended. */
static void serve(int endpoint)
{
    struct message m = {.info = 0};
    long got = message_receive(endpoint, &m);

    while (got == QUIRE_GOT_CALL) {
        m = (struct message){.word = {show(m.word)}};
        got = message_reply_receive(endpoint, &m);
    }
}

static void fail(const char *what, long error)
{
    printf("strace: %s: %s\n", what, strerror((int)-error));
    exit(127);
}

/* The program with us as its handler, not started; the end of it comes to the endpoint as a signal. */
static long prepare(char **argv, struct quire_start *start, int *endpoint)
{
    char path[COMMAND_PATH];

    command_path(argv[0], path);
    long process = program_load(path, argv, 0, start);
    if (process < 0)
        fail(argv[0], process);
    long e = quire_call(endpoint_create), n = quire_call(notification_create), err = e < 0 ? e : n < 0 ? n : 0;
    if (!err)
        err = quire_call(notification_bind, n, e);
    if (!err)
        err = quire_call(process_watch, process, n, ENDED);
    if (err >= 0)
        err = quire_call(process_faults, process, e, QUIRE_FAULTS_TRACE);
    if (err)
        fail("can't trace it", err);
    *endpoint = (int)e;
    return process;
}

int main(int argc, char **argv)
{
    struct quire_start start;
    int endpoint, status = 0;

    if (argc < 2)
        usage();
    long process = prepare(argv + 1, &start, &endpoint);
    long err = quire_call(process_start, process, &start);
    if (err)
        fail("can't start it", err);
    serve(endpoint);
    quire_call(process_status, process, &status);
    int signal = status & 127;
    printf("strace: %s ended with %s %d\n", argv[1], signal ? "signal" : "status", signal ? signal : status >> 8);
    return signal ? 128 + signal : status >> 8;
}
