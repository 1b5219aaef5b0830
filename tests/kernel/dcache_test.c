/* SPDX-License-Identifier: MIT */
/* Maintenance of data: contents stay, bytes are counted where maintenance is needed, and devices of these machines
 * snoop. */
#include <quire/dma.h>
#include <quire/folio.h>
#include <quire/test.h>

#define BYTES (4 * PAGE_SIZE)

static void fill(u8 *p, u8 seed)
{
    for (u64 i = 0; i < BYTES; i++)
        p[i] = (u8)(i * 7 + seed);
}

static bool is_filled(const u8 *p, u8 seed)
{
    for (u64 i = 0; i < BYTES; i++)
        if (p[i] != (u8)(i * 7 + seed))
            return false;
    return true;
}

TEST(dcache, maintenance_keeps_the_contents_and_counts_the_bytes)
{
    static const struct {
        u64 at, len;
    } parts[] = {{0, BYTES}, {0, 1}, {63, 2}, {PAGE_SIZE - 1, 1}, {1, BYTES - 2}, {64, 64}};
    struct folio *f = folio_alloc(2, 0);

    ASSERT(f != NULL);
    u8 *p = folio_address(f);
    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        u64 before = test_count(COUNTER_DCACHE_BYTES);
        fill(p, (u8)i);
        dcache_flush(p + parts[i].at, parts[i].len);
        EXPECT(is_filled(p, (u8)i));
        EXPECT_EQ(test_count(COUNTER_DCACHE_BYTES) - before, ARCH_DCACHE_COHERENT ? 0 : parts[i].len);
    }
    folio_put(f);
}

/* A driver's steps in both directions; the device is this CPU. */
TEST(dma, a_buffer_changes_sides_without_maintenance_where_devices_snoop)
{
    struct folio *f = folio_alloc(2, 0);

    ASSERT(f != NULL);
    u8 *p = folio_address(f);
    fill(p, 1);
    dma_sync_for_device(p, BYTES); /* it reads */
    EXPECT(is_filled(p, 1));
    dma_sync_for_cpu(p, BYTES);
    dma_sync_for_device(p, BYTES); /* it writes */
    fill(p, 2);
    dma_sync_for_cpu(p, BYTES);
    EXPECT(is_filled(p, 2));
    EXPECT_EQ(test_count(COUNTER_DCACHE_BYTES), ARCH_DMA_COHERENT ? 0 : 4 * BYTES);
    folio_put(f);
}
