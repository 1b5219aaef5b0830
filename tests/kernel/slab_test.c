/* SPDX-License-Identifier: MIT */
/* Slab caches and kmalloc. */
#include "helpers.h"
#include <quire/buddy.h>
#include <quire/slab.h>
#include <quire/string.h>

TEST(slab, memory_of_every_size_is_zero_and_aligned)
{
    for (size_t size = 0; size <= KMALLOC_MAX; size = size < 96 ? size + 1 : size * 3 / 2) {
        u8 *p = kmalloc(size);
        ASSERT(p != NULL);
        EXPECT(IS_ALIGNED((vaddr_t)p, 16));
        EXPECT(size < 64 || IS_ALIGNED((vaddr_t)p, SLAB_ALIGN_MAX));
        for (size_t i = 0; i < size; i++)
            if (p[i])
                test_fail(__FILE__, __LINE__, "byte %lu of %lu isn't zero", i, size);
        memset(p, 0xff, size);
        kfree(p);
    }
    u8 *largest = kmalloc(KMALLOC_MAX);
    EXPECT(largest != NULL);
    kfree(largest);
}

TEST(slab, too_much_is_refused)
{
    EXPECT(kmalloc(KMALLOC_MAX + 1) == NULL);
    EXPECT(kmalloc(~0UL) == NULL);
}

TEST(slab, objects_never_overlap)
{
    u8 *p[100];

    for (unsigned i = 0; i < ARRAY_SIZE(p); i++) {
        size_t size = 32 + (i * 37) % 500;
        p[i] = kmalloc(size);
        ASSERT(p[i] != NULL);
        memset(p[i], (int)i, size);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(p); i++) {
        size_t size = 32 + (i * 37) % 500;
        for (size_t k = 0; k < size; k++)
            if (p[i][k] != i) {
                test_fail(__FILE__, __LINE__, "object %u was written by another", i);
                break;
            }
        kfree(p[i]);
    }
}

TEST(slab, an_objects_frame_says_slab)
{
    void *small = kmalloc(40), *large = kmalloc(8000);

    EXPECT_EQ(memdesc_type(memdesc_read(address_pfn(small))), MEMDESC_SLAB);
    EXPECT_EQ(memdesc_type(memdesc_read(address_pfn((u8 *)large + 7999))), MEMDESC_SLAB);
    kfree(small);
    kfree(large);
    kfree(NULL);
}

TEST(slab, objects_in_use_are_counted)
{
    u64 before = slab_objects_in_use();
    void *p[20];

    for (unsigned i = 0; i < 20; i++)
        p[i] = kmalloc(200);
    EXPECT_EQ(slab_objects_in_use(), before + 20);
    for (unsigned i = 0; i < 20; i++)
        kfree(p[i]);
    EXPECT_EQ(slab_objects_in_use(), before);
}

/* A typed cache of the test's own, and one that isn't. */
struct typed_object {
    u64 magic, count;
    void *link;
} __aligned(16);
static SLAB_CACHE(typed_cache, typed_object, link, true);
static SLAB_CACHE(plain_cache, typed_object, link, false);

TEST(slab, a_typed_cache_keeps_what_stands_before_the_link)
{
    struct typed_object *o = slab_alloc(&typed_cache);

    ASSERT(o != NULL);
    EXPECT_EQ(o->magic, 0); /* zero when new */
    o->magic = 0xfeed;
    o->count = 7;
    slab_free(&typed_cache, o);
    EXPECT_EQ(o->magic, 0xfeed); /* a stale pointer still finds an object of the type */
    EXPECT_EQ(o->count, 7);
    struct typed_object *again = slab_alloc(&typed_cache);
    EXPECT(again == o);
    EXPECT_EQ(again->magic, 0xfeed);
    again->magic = again->count = 0;
    slab_free(&typed_cache, again);
}

TEST(slab, a_typed_cache_never_gives_its_frames_back)
{
    enum { NR = 400 };
    static struct typed_object *o[NR];

    for (unsigned i = 0; i < NR; i++)
        ASSERT((o[i] = slab_alloc(&typed_cache)) != NULL);
    u64 slabs = typed_cache.nr_slabs;
    EXPECT(slabs > 1);
    for (unsigned i = 0; i < NR; i++)
        slab_free(&typed_cache, o[i]);
    EXPECT_EQ(typed_cache.nr_slabs, slabs);
    EXPECT_EQ(slab_in_use(&typed_cache), 0);
    for (unsigned i = 0; i < NR; i++)
        EXPECT_EQ(memdesc_type(memdesc_read(address_pfn(o[i]))), MEMDESC_SLAB);
}

TEST(slab, other_caches_give_empty_slabs_back)
{
    enum { NR = 400 };
    static struct typed_object *o[NR];

    for (unsigned i = 0; i < NR; i++)
        ASSERT((o[i] = slab_alloc(&plain_cache)) != NULL);
    EXPECT(plain_cache.nr_slabs > 1);
    for (unsigned i = 0; i < NR; i++)
        slab_free(&plain_cache, o[(i * 7) % NR]);
    EXPECT_EQ(slab_in_use(&plain_cache), 0);
    EXPECT(plain_cache.nr_slabs <=
           3); /* of about eight: the objects for this CPU's magazine and the next request */
}

TEST(slab, an_object_from_a_plain_cache_is_zero_each_time)
{
    for (unsigned i = 0; i < 3; i++) {
        struct typed_object *o = slab_alloc(&plain_cache);
        EXPECT(o->magic == 0 && o->count == 0 && o->link == NULL);
        o->magic = o->count = ~0UL;
        slab_free(&plain_cache, o);
    }
}

TEST(slab, the_ordered_failure_comes_once)
{
    fail_nth(3);
    void *a = kmalloc(64), *b = kmalloc(64), *c = kmalloc(64), *d = kmalloc(64);
    EXPECT(a && b && d);
    EXPECT(c == NULL);
    EXPECT_EQ(fail_nth(0), 0);
    fail_nth(10);
    EXPECT_EQ(fail_nth(0), 10);
    kfree(a);
    kfree(b);
    kfree(d);
}

/* All free memory, in a list through the objects themselves. */
TEST(slab, exhaustion_is_an_answer_and_everything_comes_back)
{
    struct held {
        struct folio *folio;
        struct held *next;
    } *held = NULL;
    u64 nr = 0;
    void *objects = NULL, *object;

    for (unsigned order = BUDDY_MAX_ORDER + 1; order-- > 0;) {
        struct folio *f;
        while ((f = folio_alloc(order, 0)) != NULL) {
            struct held *h = folio_address(f);
            *h = (struct held){f, held};
            held = h;
            nr++;
        }
    }
    /* Only room in slabs is left, and perhaps a few frames. */
    while ((object = kmalloc(2000)) != NULL) {
        *(void **)object = objects;
        objects = object;
    }
    EXPECT(kmalloc(2000) == NULL);
    EXPECT(folio_alloc(3, 0) == NULL);
    EXPECT(nr > 0);
    while ((object = objects) != NULL) {
        objects = *(void **)object;
        kfree(object);
    }
    while (held) {
        struct held *h = held;
        held = h->next;
        folio_put(h->folio);
    }
}

static void free_a_stranger(void *arg) { kfree(arg); }

TEST(slab, freeing_what_is_no_object_panics)
{
    struct folio *f = folio_alloc(0, 0);
    EXPECT_PANIC("not SLAB", free_a_stranger, folio_address(f));
    folio_put(f);
}

static void churn(void *arg)
{
    u64 id = (u64)arg;
    u64 *p[16];

    for (unsigned round = 0; round < 40; round++) {
        jitter();
        for (unsigned i = 0; i < 16; i++)
            if ((p[i] = kmalloc(32 << (i % 5))) != NULL)
                *p[i] = id << 32 | i;
        for (unsigned i = 0; i < 16; i++) {
            if (p[i] && *p[i] != (id << 32 | i))
                test_fail(__FILE__, __LINE__, "an object was given to two CPUs");
            kfree(p[i]);
        }
    }
}

TEST(slab, several_cpus_never_get_the_same_object)
{
    struct crew crew = {0};

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        crew_start(&crew, cpu, churn, (void *)(u64)(cpu + 1));
    crew_wait(&crew);
}
