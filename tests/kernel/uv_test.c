/* SPDX-License-Identifier: MIT */
/*
 * The ultravisor's calls, in every state of a frame and a guest: the exact error, and nothing changed. Guests never run
 * here: evilhost_test.c plays running guests, and tests/user/guest_test.c tests guest programs.
 */
#include <quire/buddy.h>
#include <quire/direct_map.h>
#include <quire/errno.h>
#include <quire/folio.h>
#include <quire/guest.h>
#include <quire/hole.h>
#include <quire/string.h>
#include <quire/test.h>
#include <quire/uv.h>
#include <arch-generic/cacheflush.h>
#include <arch/pgtable.h>
#include "uv_guests.h"

TEST(uv, import_secures_every_frame_and_takes_it_out_of_the_direct_map)
{
    struct uv_fixture x = uv_make(true);

    for (u64 i = 0; i < GUEST_PAGES; i++) {
        EXPECT_EQ(uv_state_at(x.folio->pfn + i), UV_SECURE);
        EXPECT(!direct_map_present(x.folio->pfn + i));
    }
    u64 q = (u64)uvcall(UV_QUERY, x.folio->pfn + 7, 0, 0, 0, 0);
    EXPECT_EQ(uv_guest_of(q), x.id);
    EXPECT_EQ(uv_page_of(q), 7);
    EXPECT_EQ(uvcall(UV_COUNT, x.id, UV_SECURE, 0, 0, 0), (s64)GUEST_PAGES);
    uv_unmake(x);
}

TEST(uv, destroy_zeroes_and_gives_frames_back_to_the_direct_map)
{
    struct uv_fixture x = uv_make(false);
    pfn_t pfn = x.folio->pfn;

    memset(pfn_address(pfn), 0x5a, PAGE_SIZE);
    EXPECT_EQ(uvcall(UV_LOAD, x.id, 16, pfn, 1, ACCESS_READ), 1);
    EXPECT(!direct_map_present(pfn));
    while (uvcall(UV_DESTROY, x.id, 0, 0, 0, 0) > 0)
        ;
    ASSERT(direct_map_present(pfn));
    for (u64 i = 0; i < PAGE_SIZE; i++)
        ASSERT_EQ(((u8 *)pfn_address(pfn))[i], 0);
    EXPECT_EQ(uv_state_at(pfn), UV_NONSECURE);
    uv_unmake(x);
}

TEST(uv, first_import_zeroes_what_the_host_left)
{
    struct uv_fixture x = uv_make(false);

    memset(pfn_address(x.folio->pfn), 0xff, PAGE_SIZE);
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, 3, x.folio->pfn, 1, 0), 1);
    direct_map_set(x.folio->pfn, 1, true); /* the test reads the frame, which a host must not do */
    EXPECT_EQ(*(u64 *)pfn_address(x.folio->pfn), 0);
    direct_map_set(x.folio->pfn, 1, false);
    uv_unmake(x);
}

TEST(uv, a_frame_belongs_to_one_guest_and_one_page)
{
    struct uv_fixture a = uv_make(true), b = uv_make(false);

    EXPECT_EQ(uvcall(UV_IMPORT, b.id, 0, a.folio->pfn, 1, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_LOAD, b.id, 0, a.folio->pfn, 1, ACCESS_READ), -EPERM);
    EXPECT_EQ(uvcall(UV_IMPORT, a.id, 1, a.folio->pfn, 1, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_DONATE, b.id, a.folio->pfn, 0, 0, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_EXPOSE, b.id, a.folio->pfn, 1, 0, 0), -EPERM);
    EXPECT_EQ(uv_state_at(a.folio->pfn), UV_SECURE);
    EXPECT_EQ(uv_guest_of((u64)uvcall(UV_QUERY, a.folio->pfn, 0, 0, 0, 0)), a.id);
    uv_unmake(a);
    uv_unmake(b);
}

TEST(uv, a_page_has_one_frame)
{
    struct uv_fixture x = uv_make(false);

    EXPECT_EQ(uvcall(UV_IMPORT, x.id, 5, x.folio->pfn, 1, 0), 1);
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, 5, x.folio->pfn + 1, 1, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, 4, x.folio->pfn + 1, 3, 0), -EPERM); /* pages 4 to 6: all or nothing */
    EXPECT_EQ(uv_state_at(x.folio->pfn + 1), UV_NONSECURE);
    EXPECT(direct_map_present(x.folio->pfn + 1));
    uv_unmake(x);
}

TEST(uv, bad_ranges_change_nothing)
{
    struct uv_fixture x = uv_make(false);
    pfn_t pfn = x.folio->pfn;

    EXPECT_EQ(uvcall(UV_IMPORT, x.id, 0, pfn, 0, 0), -EINVAL);
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, 0, pfn, UV_BATCH + 1, 0), -EINVAL);
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, 0, pfn, ~0UL, 0), -EINVAL);
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, GUEST_PAGES, pfn, 1, 0), -EINVAL);
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, ~0UL, pfn, 2, 0), -EINVAL);
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, GUEST_PAGES - 1, pfn, 2, 0), -EINVAL);
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, 0, memory.end, 1, 0), -EINVAL);
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, 0, ~0UL, 1, 0), -EINVAL);
    EXPECT_EQ(uvcall(UV_DONATE, x.id, memory.end, 0, 0, 0), -EINVAL);
    EXPECT_EQ(uvcall(UV_QUERY, memory.end, 0, 0, 0, 0), -EINVAL);
    EXPECT_EQ(uvcall(UV_COUNT, x.id, UV_NR_STATES, 0, 0, 0), -EINVAL);
    EXPECT_EQ(uvcall(UV_NR_CALLS, x.id, 0, 0, 0, 0), -EINVAL);
    EXPECT_EQ(uvcall(UV_LOAD, x.id, 0, pfn, 1, ACCESS_READ | ACCESS_WRITE | ACCESS_EXEC), -EINVAL);
    EXPECT_EQ(uvcall(UV_LOAD, x.id, 0, pfn, 1, 0), -EINVAL);
    EXPECT_EQ(uv_state_at(pfn), UV_NONSECURE);
    EXPECT_EQ(uvcall(UV_COUNT, x.id, UV_SECURE, 0, 0, 0), 0);
    uv_unmake(x);
}

TEST(uv, calls_about_guests_that_are_not_there_say_so)
{
    uv_start();
    static const u64 ids[] = {0, UV_MAX_GUESTS, UV_MAX_GUESTS + 1, ~0UL};
    static const enum uv_call calls[] = {UV_DONATE, UV_NEEDED, UV_LOAD,  UV_IMPORT,  UV_SEAL,    UV_EXPOSE,      UV_REFUSE,
                                         UV_RUN,    UV_EXIT,   UV_STOP,  UV_COUNT,   UV_DESTROY, UV_RECLAIM, UV_MEASUREMENT};

    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++)
        for (unsigned c = 0; c < ARRAY_SIZE(calls); c++)
            EXPECT_EQ(uvcall(calls[c], ids[i], 0, 0, 0, 0), -ESRCH);
}

TEST(uv, creation_refuses_sizes_that_make_no_sense)
{
    uv_start();
    EXPECT_EQ(uvcall(UV_CREATE, 0, 0, 0, 0, 0), -EINVAL);
    EXPECT_EQ(uvcall(UV_CREATE, 1, 0, 0, 0, 0), -EINVAL);
    EXPECT_EQ(uvcall(UV_CREATE, memory.end - memory.first + 1, 0, 0, 0, 0), -EINVAL);
    EXPECT_EQ(uvcall(UV_CREATE, ~0UL, 0, 0, 0, 0), -EINVAL);
    EXPECT_EQ(uvcall(UV_INIT, memory.first, 1, 0, 0, 0), -EPERM); /* only once */
}

TEST(uv, without_donated_frames_nothing_is_secured)
{
    uv_start();
    struct folio *f = folio_alloc(GUEST_ORDER, 0);
    s64 id = uvcall(UV_CREATE, 64, 0, 0, 0, 0);

    ASSERT(f && id > 0);
    ASSERT_EQ(direct_map_prepare(f->pfn, GUEST_PAGES), 0);
    EXPECT_EQ(uvcall(UV_IMPORT, (u64)id, 0, f->pfn, 1, 0), -ENOMEM);
    EXPECT_EQ(uv_state_at(f->pfn), UV_NONSECURE);
    EXPECT(direct_map_present(f->pfn));
    EXPECT_EQ(uvcall(UV_DESTROY, (u64)id, 0, 0, 0, 0), 0);
    EXPECT_EQ(uvcall(UV_RECLAIM, (u64)id, 0, 0, 0, 0), 0);
    direct_map_restore(f->pfn, GUEST_PAGES);
    folio_put(f);
}

/* Every host call on frames, on a frame in each state that the host can cause without running the guest. */
TEST(uv, states_times_operations)
{
    struct uv_fixture x = uv_make(false);
    pfn_t nonsecure = x.folio->pfn, secure = x.folio->pfn + 1;

    ASSERT_EQ(uvcall(UV_IMPORT, x.id, 1, secure, 1, 0), 1);
    static const enum uv_call wrong_on_nonsecure[] = {UV_EXPOSE, UV_REFUSE};
    for (unsigned i = 0; i < ARRAY_SIZE(wrong_on_nonsecure); i++)
        EXPECT_EQ(uvcall(wrong_on_nonsecure[i], x.id, nonsecure, 1, 0, 0), -EPERM);
    EXPECT_EQ(uv_state_at(nonsecure), UV_NONSECURE);
    EXPECT_EQ(uvcall(UV_EXPOSE, x.id, secure, 1, 0, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_REFUSE, x.id, secure, 1, 0, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, 1, secure, 1, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_LOAD, x.id, 2, secure, 1, ACCESS_READ), -EPERM);
    EXPECT_EQ(uvcall(UV_DONATE, x.id, secure, 0, 0, 0), -EPERM);
    EXPECT_EQ(uv_state_at(secure), UV_SECURE);
    EXPECT(!direct_map_present(secure));
    EXPECT_EQ(uvcall(UV_RECLAIM, x.id, 0, 0, 0, 0), -EPERM); /* it lives */
    EXPECT_EQ(uvcall(UV_STOP, x.id, 0, 0, 0, 0), 0);
    EXPECT_EQ(uvcall(UV_RUN, x.id, 0, 0, 0, 0), -EPERM); /* stopped for good */
    EXPECT_EQ(uvcall(UV_LOAD, x.id, 2, nonsecure, 1, ACCESS_READ), -EPERM);
    uv_unmake(x);
}

TEST(uv, a_destroyed_guest_answers_nothing)
{
    struct uv_fixture x = uv_make(true);

    while (uvcall(UV_DESTROY, x.id, 0, 0, 0, 0) > 0)
        ;
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, 0, x.folio->pfn, 1, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_RUN, x.id, 0, 0, 0, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_COUNT, x.id, UV_SECURE, 0, 0, 0), 0);
    uv_unmake(x);
    EXPECT_EQ(uvcall(UV_COUNT, x.id, UV_SECURE, 0, 0, 0), -ESRCH);
}

/* --- the measurement ----------------------------------------------------------------------------- */
/* How a guest is made; recipes differ in these values. */
struct recipe {
    u64 page, rights, entry, zeros, step;
    u8 fill;
};
#define PLAIN_RECIPE {8, ACCESS_READ | ACCESS_EXEC, 8 * PAGE_SIZE, 16, 16, 1}
#define DIGEST_WORDS (UV_MEASUREMENT_BYTES / 4)

/* Two pages of a program at r.page, r.zeros pages of zeros at 32, in steps of r.step. */
static void make_and_measure(struct recipe r, u32 digest[DIGEST_WORDS])
{
    struct uv_fixture x = uv_make(false);
    pfn_t pfn = x.folio->pfn;

    memset(pfn_address(pfn), r.fill, 2 * PAGE_SIZE);
    for (u64 done = 0; done < 2; done += MIN(r.step, 2UL))
        EXPECT(uvcall(UV_LOAD, x.id, r.page + done, pfn + done, MIN(r.step, 2UL), r.rights) > 0);
    for (u64 done = 0; done < r.zeros; done += r.step)
        EXPECT_EQ(uvcall(UV_IMPORT, x.id, 32 + done, pfn + 32 + done, r.step, 0), (s64)r.step);
    EXPECT_EQ(uvcall(UV_SEAL, x.id, r.entry, 0, 0, 0), r.rights & ACCESS_EXEC ? 0 : -EINVAL);
    uv_measurement(x.id, digest);
    uv_unmake(x);
}

static bool measured_alike(struct recipe a, struct recipe b)
{
    u32 digest[2][DIGEST_WORDS];

    make_and_measure(a, digest[0]);
    make_and_measure(b, digest[1]);
    return memcmp(digest[0], digest[1], UV_MEASUREMENT_BYTES) == 0;
}

TEST(uv, measurement_covers_contents_place_rights_zeros_and_entry)
{
    const struct recipe plain = PLAIN_RECIPE;
    struct recipe other = plain;

    EXPECT(measured_alike(plain, plain));
    other.fill = 2;
    EXPECT(!measured_alike(plain, other));
    other = plain;
    other.page = 9;
    other.entry = 9 * PAGE_SIZE;
    EXPECT(!measured_alike(plain, other));
    struct recipe data = plain, writable = plain; /* neither guest can be sealed */
    data.rights = ACCESS_READ;
    writable.rights = ACCESS_READ | ACCESS_WRITE;
    EXPECT(!measured_alike(data, writable));
    EXPECT(!measured_alike(plain, data));
    other = plain;
    other.zeros = 32;
    EXPECT(!measured_alike(plain, other));
    other = plain;
    other.entry += 8;
    EXPECT(!measured_alike(plain, other));
}

TEST(uv, measurement_is_the_same_however_many_pages_a_call_has)
{
    const struct recipe plain = PLAIN_RECIPE;
    struct recipe other = plain;

    other.step = 1;
    EXPECT(measured_alike(plain, other));
}

TEST(uv, measurement_tells_guests_of_different_size_apart)
{
    u32 digest[2][DIGEST_WORDS];

    uv_start();
    for (unsigned i = 0; i < 2; i++) {
        s64 id = uvcall(UV_CREATE, 64 + i, 0, 0, 0, 0);
        ASSERT(id > 0);
        uv_measurement((unsigned)id, digest[i]);
        EXPECT_EQ(uvcall(UV_DESTROY, (u64)id, 0, 0, 0, 0), 0);
        EXPECT_EQ(uvcall(UV_RECLAIM, (u64)id, 0, 0, 0, 0), 0);
    }
    EXPECT(memcmp(digest[0], digest[1], UV_MEASUREMENT_BYTES) != 0);
}

TEST(uv, a_sealed_guest_gets_nothing_more)
{
    struct uv_fixture x = uv_make(false);
    pfn_t pfn = x.folio->pfn;
    u32 digest[2][DIGEST_WORDS];

    EXPECT_EQ(uvcall(UV_RUN, x.id, 0, 0, 0, 0), -EPERM); /* not before */
    ASSERT_EQ(uvcall(UV_LOAD, x.id, 0, pfn, 1, ACCESS_READ | ACCESS_EXEC), 1);
    EXPECT_EQ(uvcall(UV_SEAL, x.id, PAGE_SIZE, 0, 0, 0), -EINVAL); /* no page is there */
    EXPECT_EQ(uvcall(UV_SEAL, x.id, ~0UL, 0, 0, 0), -EINVAL);
    EXPECT_EQ(uvcall(UV_SEAL, x.id, 64, 0, 0, 0), 0);
    uv_measurement(x.id, digest[0]);
    EXPECT_EQ(uvcall(UV_SEAL, x.id, 128, 0, 0, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_LOAD, x.id, 1, pfn + 1, 1, ACCESS_READ), -EPERM);
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, 1, pfn + 1, 1, 0), -EPERM);
    uv_measurement(x.id, digest[1]);
    EXPECT(memcmp(digest[0], digest[1], UV_MEASUREMENT_BYTES) == 0);
    uv_unmake(x);
}

TEST(uv, sixteen_guests_and_no_more)
{
    uv_start();
    s64 ids[UV_MAX_GUESTS];

    for (unsigned i = 0; i < UV_MAX_GUESTS; i++) {
        ids[i] = uvcall(UV_CREATE, 64, 0, 0, 0, 0);
        EXPECT(ids[i] > 0);
    }
    EXPECT_EQ(uvcall(UV_CREATE, 64, 0, 0, 0, 0), -EBUSY);
    for (unsigned i = 0; i < UV_MAX_GUESTS; i++) {
        EXPECT_EQ(uvcall(UV_DESTROY, (u64)ids[i], 0, 0, 0, 0), 0);
        EXPECT_EQ(uvcall(UV_RECLAIM, (u64)ids[i], 0, 0, 0, 0), 0);
    }
}

/* Bytes maintained to the point of coherency since the last call. */
static u64 maintained(void)
{
    static u64 before;
    u64 now = counter_read(COUNTER_DCACHE_BYTES), since = now - before;

    before = now;
    return since;
}
#define MAINTAINED(pages) (ARCH_DCACHE_COHERENT ? 0 : (pages) * PAGE_SIZE)

TEST(uv, exactly_the_frames_that_change_sides_are_cleaned_to_memory)
{
    maintained();
    struct uv_fixture x = uv_make(false);
    u64 donated = 0;
    s64 n;

    EXPECT_EQ(maintained(), 0); /* tables, which only the ultravisor writes and reads */
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, 100, x.folio->pfn + 100, 50, 0), 50);
    EXPECT_EQ(maintained(), MAINTAINED(50));
    EXPECT_EQ(uvcall(UV_LOAD, x.id, 7, x.folio->pfn + 7, 3, ACCESS_READ), 3);
    EXPECT_EQ(maintained(), MAINTAINED(3));
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, 100, x.folio->pfn + 100, 1, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_EXPOSE, x.id, x.folio->pfn + 100, 1, 0, 0), -EPERM);
    EXPECT_EQ(maintained(), 0); /* refused: nothing changed sides */
    while (uvcall(UV_DESTROY, x.id, 0, 0, 0, 0) > 0)
        ;
    EXPECT_EQ(maintained(), MAINTAINED(53)); /* the zeros are in memory before the host may look */
    for (; (n = uvcall(UV_RECLAIM, x.id, 0, 0, 0, 0)) > 0; donated++)
        frames_free((pfn_t)n, 0);
    EXPECT_EQ(maintained(), MAINTAINED(donated));
    EXPECT(donated > 0);
    direct_map_restore(x.folio->pfn, GUEST_PAGES);
    folio_put(x.folio);
    EXPECT_EQ(maintained(), 0);
}

TEST(direct_map, prepare_refuses_parts_of_blocks_where_there_are_blocks)
{
    if (!arch_pt_block_ok(1))
        SKIP("this machine maps memory by pages all along");
    struct folio *f = folio_alloc(10, 0);
    ASSERT(f != NULL);
    EXPECT_EQ(direct_map_prepare(f->pfn + 1, 512), -EINVAL);
    EXPECT_EQ(direct_map_prepare(f->pfn, 511), -EINVAL);
    struct direct_map_cover c = direct_map_cover(f->pfn, 1024);
    EXPECT_EQ(c.block_frames, 1024);
    folio_put(f);
}

TEST(direct_map, prepared_ranges_go_and_come_back_frame_by_frame)
{
    struct folio *f = folio_alloc(9, FOLIO_ZERO);

    ASSERT(f != NULL);
    ASSERT_EQ(direct_map_prepare(f->pfn, 512), 0);
    ASSERT_EQ(direct_map_prepare(f->pfn, 512), 0); /* again: fine */
    direct_map_set(f->pfn + 100, 3, false);
    EXPECT(direct_map_present(f->pfn + 99));
    EXPECT(!direct_map_present(f->pfn + 100));
    EXPECT(!direct_map_present(f->pfn + 102));
    EXPECT(direct_map_present(f->pfn + 103));
    EXPECT_EQ(direct_map_cover(f->pfn, 512).absent, 3);
    direct_map_set(f->pfn + 100, 3, true);
    EXPECT_EQ(*(volatile u64 *)pfn_address(f->pfn + 101), 0);
    direct_map_restore(f->pfn, 512);
    EXPECT_EQ(direct_map_cover(f->pfn, 512).absent, 0);
    folio_put(f);
}

/* A guest's buffer may end where the guest's memory ends, but not one byte later. */
TEST(uv, a_buffer_may_end_where_memory_ends)
{
    struct uv_fixture x = uv_make_ready();
    vaddr_t end = GUEST_PAGES << PAGE_SHIFT;

    ASSERT_EQ(uv_run(x, 0), 0);
    EXPECT(!uv_guest_calls(x, UVG_CONSOLE, end - 7, 8));
    EXPECT_EQ(uv_guest_result(), -EFAULT);
    EXPECT(uv_guest_calls(x, UVG_CONSOLE, end - 8, 8)); /* it leaves: there is something to print */
    ASSERT_EQ(uv_run(x, 0), 0);
    EXPECT(uv_guest_calls(x, UVG_CONSOLE, end, 0));
    uv_unmake(x);
}
