/* SPDX-License-Identifier: MIT */
/* The table of system calls: see <quire/call_table.h>. Types are read from the table's own text. */
#include <quire/call_table.h>
#include <string.h>

#define ERRORS_MAX 12 /* of one call */

static const struct {
    const char *name, *arguments; /* "(handle from, void *buffer)" */
    unsigned nr_arguments;
    short errors[ERRORS_MAX]; /* 0 behind the last one */
} table[] = {
#define X(number, name, arguments, errors) [number] = {#name, #arguments, QUIRE_NUMBER arguments, QUIRE_LIST errors},
    QUIRE_SYSCALLS(X)
#undef X
};

/* Whether the text [at, end) has this word in it. */
static bool has(const char *at, const char *end, const char *word)
{
    for (size_t n = strlen(word); at + n <= end; at++)
        if (strncmp(at, word, n) == 0)
            return true;
    return false;
}

/* The type in the declaration [at, end): "size_t bytes". */
static enum call_argument type_of(const char *at, const char *end)
{
    static const struct {
        const char *word;
        enum call_argument type;
    } types[] = {
        {"char *const", ARGUMENT_POINTER}, /* to several texts */
        {"char *", ARGUMENT_TEXT},
        {"*", ARGUMENT_POINTER},
        {"handle_or_none ", ARGUMENT_HANDLE_OR_NONE},
        {"handle ", ARGUMENT_HANDLE},
        {"address ", ARGUMENT_ADDRESS},
        {"size_t ", ARGUMENT_SIZE},
        {"flags ", ARGUMENT_FLAGS},
        {"info ", ARGUMENT_INFO},
    };

    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (has(at, end, types[i].word))
            return types[i].type;
    return ARGUMENT_NUMBER;
}

struct call_line call_line(unsigned long number)
{
    struct call_line line = {0};

    if (number >= QUIRE_NR_SYSCALLS)
        return line;
    line.name = table[number].name;
    line.nr_arguments = table[number].nr_arguments;
    const char *at = table[number].arguments + 1;
    for (unsigned i = 0; i < line.nr_arguments; i++) {
        const char *end = at + strcspn(at, ",)");
        line.argument[i] = type_of(at, end);
        at = end + 1;
    }
    return line;
}

bool call_has_error(unsigned long number, int error)
{
    for (unsigned i = 0; number < QUIRE_NR_SYSCALLS && i < ERRORS_MAX; i++)
        if (table[number].errors[i] == error && error)
            return true;
    return false;
}
