/* SPDX-License-Identifier: MIT */
/* Commands of other systems that people try here, and what there is instead: see <quire/command.h>. */
#include <stddef.h>
#include <string.h>
#include <quire/command.h>

#define READ_ONLY "the boot archive can only be read"
#define BUILT_OUTSIDE "programs are built outside: end the machine, and type make there"
#define NO_FOLDER "there is no current folder; a file is named with its folder, as ls prints it"

static const struct {
    const char *name, *instead;
} answers[] = {
    {"cd", NO_FOLDER},        {"pwd", NO_FOLDER},       {"cp", READ_ONLY},
    {"mv", READ_ONLY},        {"rm", READ_ONLY},        {"mkdir", READ_ONLY},
    {"touch", READ_ONLY},     {"vi", READ_ONLY},        {"man", "help NAME says what a command does"},
    {"top", "ps lists the processes"},                  {"pmap", "maps ID shows a process's memory"},
    {"less", "cat prints a file"},                      {"more", "cat prints a file"},
    {"jobs", "ps lists the processes"},                 {"clear", "Ctrl-L clears the screen"},
    {"history", "the arrow keys bring earlier lines back"},
    {"grep", "there are no pipes; counters PATTERN and ls FOLDER choose by themselves"},
    {"sleep", "spin MS computes for so long"},          {"which", "help NAME says what a command does"},
    {"gcc", BUILT_OUTSIDE},   {"cc", BUILT_OUTSIDE},    {"make", BUILT_OUTSIDE},
    {"quit", "exit ends the shell, poweroff the machine"},
    {"logout", "exit ends the shell, poweroff the machine"},
    {"halt", "poweroff ends the machine"},              {"reboot", "poweroff ends the machine"},
    {"shutdown", "poweroff ends the machine"},
};

const char *unknown_command(const char *name)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        if (strcmp(answers[i].name, name) == 0)
            return answers[i].instead;
    return NULL;
}
