/* SPDX-License-Identifier: MIT */
/* The beginning and end that all stages share, and what programs see in the end: stage.h. */
#include "stage.h"
#include "explore.h"
#include "../native/machine/machine.h"
#include "../native/play/check.h"
#include <quire/poison.h>
#include <quire/quota.h>
#include <string.h>

struct scene scene;
const struct stage *stage_now;
const struct operation *const *operations_now;
unsigned operations_nr;
static u64 frames;

/* The last CPU makes no operation: it runs a program, so its TLB holds translations. */
void scene_begin(u64 nr_frames)
{
    memset(&scene, 0, sizeof(scene));
    frames = nr_frames;
    world_begin(nr_frames, OPERATIONS_MAX + 1);
}

void scene_look(unsigned space, vaddr_t addr)
{
    scene.look[scene.nr_looks].space = space;
    scene.look[scene.nr_looks++].addr = addr;
}

static u64 frames_of_type(enum memdesc_type type)
{
    u64 nr = 0;

    for (pfn_t pfn = WORLD_FIRST_PFN; pfn < WORLD_FIRST_PFN + frames; pfn++)
        nr += memdesc_type(memdesc_read(pfn)) == type;
    return nr;
}

void observe(struct observation *o)
{
    memset(o, 0, sizeof(*o));
    o->holes = frames_of_type(MEMDESC_HOLE);
    o->poisoned = frames_of_type(MEMDESC_HWPOISON);
    o->more = stage_now->look ? stage_now->look() : 0;
    for (unsigned i = 0; i < scene.nr_looks; i++) {
        struct mm *mm = scene.mm[scene.look[i].space];
        cpu_play(i % nr_cpus);
        o->page[i].read = mm ? user_touch(mm, scene.look[i].addr, ACCESS_READ, &o->page[i].value) : -1;
    }
    for (unsigned i = 0; i < OPERATIONS_MAX; i++) {
        cpu_play(i);
        if (scene.child[i])
            o->child[i].read = user_touch(scene.child[i], PAGE(3), ACCESS_READ, &o->child[i].value);
    }
    for (unsigned i = 0; i < scene.nr_looks; i++) {
        struct mm *mm = scene.mm[scene.look[i].space];
        u64 value = 100 + i;
        cpu_play((i + 1) % nr_cpus);
        o->page[i].write = mm ? user_touch(mm, scene.look[i].addr, ACCESS_WRITE, &value) : -1;
    }
    for (unsigned i = 0; i < scene.nr_looks; i++) {
        struct mm *mm = scene.mm[scene.look[i].space];
        cpu_play((i + 2) % nr_cpus);
        if (mm && !o->page[i].read)
            user_touch(mm, scene.look[i].addr, ACCESS_READ, &o->page[i].again);
    }
    cpu_play(0);
}

static void put_folio(struct folio *f)
{
    if (f)
        folio_put(f);
}

static void put_hole(struct insecure_mem *h)
{
    if (h)
        hole_put(h);
}

/* The parts behind the first. */
static void put_parts(void)
{
    for (pfn_t pfn = scene.folio->pfn + folio_nr_pages(scene.folio); pfn < scene.cut_end && !scene.folio->owner;) {
        struct folio *part = mapped_folio_slow(pfn); /* broken or not */
        CHECK(part && part->pfn == pfn, "each part of a folio that was split is a folio", "frame 0x%lx has none", pfn);
        pfn += folio_nr_pages(part);
        folio_put(part);
    }
}

void scene_end(void)
{
    u64 poisoned = frames_of_type(MEMDESC_HWPOISON);

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        cpu_play(cpu);
        mm_activate(NULL);
    }
    cpu_play(0);
    if (stage_now->end)
        stage_now->end();
    for (unsigned i = 0; i < SPACES_MAX; i++)
        if (scene.mm[i])
            mm_put(scene.mm[i]);
    for (unsigned i = 0; i < OPERATIONS_MAX; i++) {
        if (scene.child[i])
            mm_put(scene.child[i]);
        put_hole(scene.hole_got[i]);
        put_hole(scene.hole_made[i]);
        put_folio(scene.got[i]);
        put_folio(scene.made[i]);
    }
    put_hole(scene.hole);
    if (scene.cut_end)
        put_parts();
    put_folio(scene.folio);
    put_folio(scene.part[0]);
    put_folio(scene.part[1]);
    if (scene.object)
        memobj_put(scene.object);
    if (scene.quota) {
        CHECK_EQ(quota_used(scene.quota), 0, "frames charged after everything was given back",
                 "what is charged is given back, once");
        quota_put(scene.quota);
    }
    world_end(poisoned);
}
