/* SPDX-License-Identifier: MIT */
/*
 * Runs a program, collects the kernel's events meanwhile, and prints them: in words, or as lines for tools/trace.py.
 * Only a program with init's right to devices may read events: "driver trace hello" among init's commands. Events are
 * printed after the program has ended, so that printing them makes no others.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <quire/command.h>
#include <quire/loader.h>
#include <quire/program.h>
#include <quire/message.h>
#include <quire/sys.h>
#include <uapi/quire/event.h>
#include <uapi/quire/ipc.h>

PROGRAM("[-n LINES | --raw] PROGRAM [ARGUMENTS]",
        "runs PROGRAM and prints what the kernel did meanwhile (debug builds, with the right to devices)");

#define RECORDS 16384ul /* that are kept */
#define CHUNK 512ul     /* that are read at once */
#define ENDED 1ul       /* the notification's bit: the program has ended */
#define PAUSE QUIRE_INFO_LIMIT_US(300)
#define CPUS 64

static struct {
    struct mm_event_record *record;
    unsigned long nr, from, lost, not_kept;
    long events; /* the handle */
    unsigned cpu; /* where this program ran when it began to collect */
} trace;

static unsigned long own_id; /* of this process */

static void __attribute__((noreturn)) fail(const char *what, long error)
{
    printf("trace: %s: %s\n", what, strerror((int)-error));
    exit(127);
}

/* --- collecting -------------------------------------------------------------------------------------- */
static void open_events(void)
{
    trace.events = quire_call(events_open, QUIRE_DEVICES);
    if (trace.events == -ENOSYS)
        fail("a release build records no events; start a debug build", trace.events);
    if (trace.events == -EBADF || trace.events == -EACCES)
        fail("only a driver may read events: make qemu-MACHINE RUN=\"driver trace PROGRAM\"", trace.events);
    if (trace.events < 0)
        fail("can't read events", trace.events);
    size_t bytes = (RECORDS + CHUNK) * sizeof(*trace.record);
    trace.record = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (trace.record == MAP_FAILED)
        fail("no memory", -ENOMEM);
    memset(trace.record, 0, bytes); /* now, so that there are no faults later */
    trace.cpu = (unsigned)quire_call(cpu);
    trace.from = (unsigned long)quire_call(events_read, trace.events, trace.record, 0, 0);
}

/* Takes over what was read behind those that are kept. A number that is missing is a lost event. */
static void keep(unsigned long got)
{
    for (struct mm_event_record *r = &trace.record[trace.nr]; got; r++, got--) {
        trace.lost += r->sequence - trace.from;
        trace.from = r->sequence + 1;
        if (trace.nr < RECORDS)
            trace.nr++;
        else
            trace.not_kept++;
    }
}

static void collect(void)
{
    long got;

    do {
        got = quire_call(events_read, trace.events, &trace.record[trace.nr], CHUNK * sizeof(*trace.record), trace.from);
        if (got < 0)
            fail("can't read events", got);
        keep((unsigned long)got);
    } while (got == CHUNK);
}

/* The program, not started; its end comes to the notification. */
static long prepare(char **argv, struct quire_start *start, long *notification)
{
    char path[COMMAND_PATH];

    command_path(argv[0], path);
    long process = program_load(path, argv, 0, start);
    if (process < 0)
        fail(argv[0], process);
    *notification = quire_call(notification_create);
    long err = *notification < 0 ? *notification : quire_call(process_watch, process, *notification, ENDED);
    if (err < 0)
        fail("can't watch it", err);
    return process;
}

/* Runs the program to its end. More urgent than it, so that no events are lost on a machine with one CPU. */
static int run(long process, const struct quire_start *start, long notification)
{
    unsigned long bits = 0;
    int status = 0;
    long err = quire_call(process_start, process, start);

    if (err)
        fail("can't start it", err);
    quire_call(thread_priority, 0, QUIRE_PRIORITY_MAX);
    while (!(bits & ENDED)) {
        notification_wait(notification, ENDED, PAUSE, &bits);
        collect();
    }
    quire_call(thread_priority, 0, QUIRE_PRIORITY_FIRST);
    quire_call(process_status, process, &status);
    return status;
}

/* --- in words ------------------------------------------------------------------------------------------ */
static const char *access_word(unsigned long access)
{
    return access & PROT_EXEC ? "jump" : access & PROT_WRITE ? "write" : "read";
}

static void say_thread_event(const struct mm_event_record *r)
{
    switch (r->kind) {
    case MM_EVENT_SWITCH:
        if (r->c)
            printf("thread %lu of process %lu runs, after thread %lu", r->b, r->c, r->a);
        else
            printf("thread %lu of the kernel runs, after thread %lu", r->b, r->a);
        break;
    case MM_EVENT_CALL:
        printf("thread %lu calls; nobody receives at endpoint %lx yet, so the call waits in its queue", r->a, r->b);
        break;
    case MM_EVENT_MESSAGE:
        printf("thread %lu %s thread %lu", r->a, r->c == QUIRE_GOT_CALL ? "calls" : "sends a message to", r->b);
        break;
    case MM_EVENT_REPLY:
        printf("thread %lu answers the call of thread %lu", r->a, r->b);
        if ((long)r->c < 0)
            printf(": %s", strerror((int)-(long)r->c));
        break;
    case MM_EVENT_SIGNAL:
        printf("thread %lu signals notification %lx, bits 0x%lx", r->a, r->b, r->c);
        break;
    case MM_EVENT_FAULT:
        printf("thread %lu faults: %s at 0x%lx", r->a, access_word(r->c), r->b);
        break;
    default:
        printf("event of kind %u: 0x%lx 0x%lx 0x%lx", r->kind, r->a, r->b, r->c);
    }
}

static void say(const struct mm_event_record *r)
{
    static const char *const words[MM_EVENT_THREADS] = {
        [MM_EVENT_FOLIO_ALLOC] = "frame 0x%lx: a folio of order %lu begins here",
        [MM_EVENT_FOLIO_FREE] = "frame 0x%lx: the folio of order %lu is free again",
        [MM_EVENT_ENTRY_SET] = "address 0x%lx: entries show frames from 0x%lx on, %lu of them",
        [MM_EVENT_ENTRY_CLEAR] = "address 0x%lx: entries of frames from 0x%lx on are cleared, %lu of them",
        [MM_EVENT_FLUSH_BEGIN] = "tables 0x%lx: a flush from address 0x%lx on begins, %lu pages",
        [MM_EVENT_FLUSH_ACK] = "tables 0x%lx: this CPU has flushed, generation %lu",
        [MM_EVENT_FLUSH_END] = "tables 0x%lx: the flush from address 0x%lx on has ended, %lu pages",
        [MM_EVENT_TABLE_FREE] = "frame 0x%lx: the page table of level %lu is free again",
        [MM_EVENT_TABLE_ALLOC] = "frame 0x%lx: is a page table of level %lu from now on",
        [MM_EVENT_HOLE_PUNCH] = "frame 0x%lx: a hole of %lu frames is punched",
        [MM_EVENT_HOLE_MEND] = "frame 0x%lx: the hole of %lu frames is mended",
        [MM_EVENT_ICACHE_CLEAN] = "frame 0x%lx: instruction caches see the contents of %lu frames",
        [MM_EVENT_ROOT_LOAD] = "tables 0x%lx are loaded, ASID %lu",
    };

    if (r->kind < MM_EVENT_THREADS && words[r->kind])
        printf(words[r->kind], r->a, r->b, r->c);
    else
        say_thread_event(r);
}

/* Whether the event is about this program, which makes events, too. process: of each CPU's thread. */
static bool is_own(const struct mm_event_record *r, unsigned long *process)
{
    bool before = process[r->cpu % CPUS] == own_id;

    if (r->kind == MM_EVENT_SWITCH)
        process[r->cpu % CPUS] = r->c;
    return process[r->cpu % CPUS] == own_id || (before && r->kind == MM_EVENT_SWITCH && !r->c);
}

static void print_words(unsigned long lines)
{
    static unsigned long process[CPUS];
    unsigned long start = trace.nr ? trace.record[0].time_ns : 0, own = 0, shown = 0;

    process[trace.cpu % CPUS] = own_id;
    for (unsigned long i = 0; i < trace.nr && shown < lines; i++) {
        const struct mm_event_record *r = &trace.record[i];
        if (is_own(r, process)) {
            own++;
            continue;
        }
        unsigned long ns = r->time_ns - start;
        printf("%6lu.%03lu us  CPU %u  ", ns / 1000, ns % 1000, r->cpu);
        say(r);
        printf("\n");
        shown++;
    }
    printf("trace: %lu events, %lu shown, %lu of trace itself; %lu lost, %lu not kept\n", trace.nr, shown, own,
           trace.lost, trace.not_kept);
}

/* --- for tools/trace.py ---------------------------------------------------------------------------------- */
static void print_raw(void)
{
    static const char *const names[] = {
#define X(name) #name,
        QUIRE_MM_EVENTS(X)
#undef X
    };
    struct quire_process p;

    printf("trace: begin %lu\n", own_id);
    for (unsigned long i = 0; quire_call(process_info, i, &p) == 0; i++)
        printf("trace: process %lu %s\n", (unsigned long)p.id, p.name);
    for (unsigned long i = 0; i < trace.nr; i++) {
        const struct mm_event_record *r = &trace.record[i];
        printf("trace: %lu %lu %u %s %lx %lx %lx\n", r->sequence, r->time_ns, r->cpu,
               r->kind < MM_EVENT_NR ? names[r->kind] : "?", r->a, r->b, r->c);
    }
    printf("trace: end %lu %lu %lu\n", trace.nr, trace.lost, trace.not_kept);
}

int main(int argc, char **argv)
{
    unsigned long lines = ~0ul;
    struct quire_start start;
    long notification;
    int at = 1;
    bool raw = argc > 1 && strcmp(argv[1], "--raw") == 0;

    if (raw) {
        at = 2;
    } else if (argc > 2 && strcmp(argv[1], "-n") == 0) {
        lines = strtoul(argv[2], NULL, 10);
        at = 3;
    }
    if (at >= argc || argv[at][0] == '-')
        usage();
    own_id = (unsigned long)quire_call(getpid);
    open_events();
    long process = prepare(argv + at, &start, &notification);
    int status = run(process, &start, notification), signal = status & 127;
    close((int)trace.events);
    if (raw)
        print_raw();
    else
        print_words(lines);
    return signal ? 128 + signal : status >> 8;
}
