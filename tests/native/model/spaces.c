/* SPDX-License-Identifier: MIT */
/* The reference model of address spaces: see spaces.h. */
#include "spaces.h"
#include <quire/errno.h>
#include <quire/mm.h>
#include <string.h>

struct space spaces[SPACES];
struct model_object objects[OBJECTS];
static const struct model_page nothing = {.object = -1, .hole = -1};

void spaces_begin(void)
{
    memset(spaces, 0, sizeof(spaces));
    memset(objects, 0, sizeof(objects));
}

int object_new(u64 nr_pages)
{
    for (int i = 0; i < OBJECTS; i++) {
        if (objects[i].used)
            continue;
        memset(&objects[i], 0, sizeof(objects[i]));
        objects[i].used = true;
        objects[i].nr_pages = nr_pages;
        for (unsigned p = 0; p < OBJECT_PAGES; p++)
            objects[i].hole[p] = -1;
        return i;
    }
    return -1;
}

void objects_sweep(unsigned keep)
{
    bool shown[OBJECTS] = {false};

    for (unsigned s = 0; s < SPACES; s++)
        for (unsigned p = 0; spaces[s].used && p < WINDOW_PAGES; p++)
            if (spaces[s].page[p].mapped && spaces[s].page[p].object >= 0)
                shown[spaces[s].page[p].object] = true;
    for (unsigned i = keep; i < OBJECTS; i++)
        objects[i].used = objects[i].used && shown[i];
}

int model_access(const struct space *s, unsigned page, unsigned access)
{
    const struct model_page *p = &s->page[page];

    if (!p->mapped)
        return -EFAULT;
    if (!(p->prot & access))
        return -EACCES;
    if (p->broken)
        return -EHWPOISON;
    if (p->marked)
        return -EBUSY;
    if (p->hole >= 0)
        return p->hole_gone ? -EFAULT : 0;
    if (p->own || p->object < 0)
        return 0;
    const struct model_object *o = &objects[p->object];
    if (p->index >= o->nr_pages)
        return -ENXIO;
    if (o->broken[p->index])
        return -EHWPOISON;
    return o->hole[p->index] >= 0 ? -EBUSY : 0;
}

struct content *model_content(struct space *s, unsigned page)
{
    struct model_page *p = &s->page[page];
    return p->own || p->object < 0 ? &p->content : &objects[p->object].page[p->index];
}

void model_write(struct space *s, unsigned page, unsigned which, u64 value)
{
    struct model_page *p = &s->page[page];

    if (!p->shared && !p->own) { /* the private copy begins here */
        p->content = *model_content(s, page);
        p->own = true;
    }
    model_content(s, page)->word[which] = value;
}

bool model_covered(const struct space *s, unsigned first, unsigned nr)
{
    for (unsigned i = first; i < first + nr; i++)
        if (!s->page[i].mapped)
            return false;
    return true;
}

bool model_empty(const struct space *s, unsigned first, unsigned nr)
{
    for (unsigned i = first; i < first + nr; i++)
        if (s->page[i].mapped)
            return false;
    return true;
}

void model_unmap(struct space *s, unsigned first, unsigned nr)
{
    for (unsigned i = first; i < first + nr; i++)
        s->page[i] = nothing;
}

void model_map(struct space *s, unsigned first, unsigned nr, unsigned prot, bool shared, int object, u64 index)
{
    for (unsigned i = 0; i < nr; i++) {
        s->page[first + i] = nothing;
        s->page[first + i].mapped = true;
        s->page[first + i].shared = shared;
        s->page[first + i].prot = prot;
        s->page[first + i].object = object;
        s->page[first + i].index = index + i;
    }
}

/* Private memory is again as it was when it was mapped; a shared object keeps its contents. */
void model_dontneed(struct space *s, unsigned first, unsigned nr)
{
    for (unsigned i = first; i < first + nr; i++) {
        struct model_page *p = &s->page[i];
        p->own = p->broken = false;
        p->content = nothing.content;
        p->marked = 0;
        p->hole_gone |= p->hole >= 0;
    }
}
