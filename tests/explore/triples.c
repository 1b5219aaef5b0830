/* SPDX-License-Identifier: MIT */
/* Three operations that meet: even if two of them meet correctly, a third may see a state in between. */
#include "triples.h"
#include "stages.h"
#include "../native/play/check.h"
#include <string.h>

static const struct {
    const struct stage *stage;
    const char *operation[OPERATIONS_MAX];
} list[] = {
    {&stage_fresh_pages, {"write", "watch", "munmap"}}, {&stage_fresh_pages, {"write", "read", "fork"}},
    {&stage_zero, {"write", "write-far", "watch"}},     {&stage_cow, {"write", "write-second", "get"}},
    {&stage_cow, {"write", "poison", "exit-second"}},   {&stage_object, {"read", "punch", "munmap"}},
    {&stage_object, {"write", "poison", "get"}},        {&stage_object_mapped, {"punch", "dontneed", "write-second"}},
    {&stage_block, {"poison", "write", "readonly"}},    {&stage_block_cow, {"write", "write-second", "poison"}},
    {&stage_marks, {"mend", "read", "poison"}},         {&stage_dying, {"put", "mend", "get"}},
    {&stage_dying, {"put", "hole-get", "poison"}},      {&stage_free, {"put", "get", "poison"}},
    {&stage_locking, {"lock", "lock", "lock"}},         {&stage_locking, {"lock", "read", "lock"}},
    {&stage_waiting, {"wait", "wake", "wake"}},         {&stage_guest_asking, {"expose", "refuse-one", "stop"}},
    {&stage_calls, {"call", "serve", "kill"}},          {&stage_calls, {"call", "serve", "close"}},
    {&stage_calls, {"call", "serve-by-object", "kill"}}, {&stage_calls, {"serve", "call", "kill"}},
    {&stage_calls, {"call", "serve", "hurry"}},         {&stage_calls, {"serve-twice", "call-late", "signal"}},
    {&stage_bits, {"wait-late", "wait-late", "signal"}},
    {&stage_parts, {"join", "get", "alloc"}},           {&stage_shown, {"hide", "write", "hole-get"}},
};
const unsigned nr_triples = ARRAY_SIZE(list);

static const struct operation *find(const struct stage *stage, const char *name)
{
    const struct operation *op = stage->operations;

    while (op->name && strcmp(op->name, name))
        op++;
    CHECK(op->name, "a triple is made of its stage's operations", "%s has no %s", stage->name, name);
    return op;
}

struct pair triple(unsigned i)
{
    struct pair pair = {.stage = list[i].stage, .nr = 3, .changes = 2};

    for (unsigned k = 0; k < 3; k++)
        pair.operation[k] = find(list[i].stage, list[i].operation[k]);
    return pair;
}
