/* SPDX-License-Identifier: MIT */
/* Where a child was when it crashed, in words: see <quire/explain.h>. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <quire/explain.h>

#define PLACE_TEXT 200

/* The whole file, and its size; NULL: it can't be read. The caller frees it. */
static void *read_file(const char *path, off_t *size)
{
    int fd = open(path, O_RDONLY);
    char *data = NULL;

    if (fd < 0)
        return NULL;
    *size = lseek(fd, 0, SEEK_END);
    if (*size > 0 && lseek(fd, 0, SEEK_SET) == 0)
        data = malloc((size_t)*size);
    if (data && read(fd, data, (size_t)*size) != *size) {
        free(data);
        data = NULL;
    }
    close(fd);
    return data;
}

/* The program's file, with its table in *places; NULL: there is no such program, or it has no table. */
static void *find_places(const char *name, struct places *places)
{
    static const char *const folders[] = {"bin", "tests"};
    char path[128];
    off_t size;

    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", folders[i], name);
        void *file = read_file(path, &size);
        if (file && places_in_program(places, file, (uint64_t)size))
            return file;
        free(file);
    }
    return NULL;
}

static void print_lines(const struct quire_crash *crash, const struct places *places)
{
    struct crash_line lines[CRASH_LINES];
    unsigned nr = crash_lines(crash, places, lines);
    char text[PLACE_TEXT];
    struct place place;

    if (!place_of(places, crash->pc, &place))
        printf("%s was at 0x%lx, where it has no code.", crash->name, crash->pc);
    else if (place.file)
        printf("%s was in %s(), line %u of %s.", crash->name, place.function, place.line, place.file);
    else
        printf("%s was in %s().", crash->name, place.function);
    printf(nr > 1 ? " The calls that led there, the last one first:\n" : " Its stack doesn't say who called.\n");
    for (unsigned i = 0; i < nr; i++) {
        place_text(places, lines[i].pc, lines[i].is_return, text, sizeof(text));
        printf("    0x%lx  %s\n", lines[i].pc, text);
        if (lines[i].times > 1)
            printf("    ... the same %u times more: a function that calls itself\n", lines[i].times - 1);
    }
}

pid_t wait_explain(pid_t pid, int *status, int options)
{
    struct quire_crash crash = {0};
    struct places places;
    pid_t ended = wait_crash(pid, status, options, &crash);

    if (ended <= 0 || !crash.name[0])
        return ended;
    void *file = find_places(crash.name, &places);
    if (file)
        print_lines(&crash, &places);
    else
        printf("%s was at 0x%lx; there are no names and lines for it (only debug builds have them).\n", crash.name,
               crash.pc);
    free(file);
    return ended;
}
