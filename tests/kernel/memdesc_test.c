/* SPDX-License-Identifier: MIT */
/* The word array. */
#include "helpers.h"
#include <quire/buddy.h>
#include <quire/frame_cache.h>
#include <quire/folio.h>
#include <quire/frame_cache.h>
#include <quire/string.h>

TEST(memdesc, a_word_holds_a_type_and_a_pointer)
{
    static u64 descriptor __aligned(16);

    for (unsigned type = 0; type < MEMDESC_NR_TYPES; type++) {
        memdesc_t word = memdesc_make(type, &descriptor);
        EXPECT_EQ(memdesc_type(word), type);
        EXPECT(memdesc_pointer(word) == &descriptor);
    }
}

TEST(memdesc, a_word_without_descriptor_says_what_its_frame_is)
{
    for (unsigned kind = 0; kind < MISC_NR; kind++) {
        memdesc_t word = memdesc_make_misc(kind);
        EXPECT_EQ(memdesc_type(word), MEMDESC_MISC);
        EXPECT_EQ(memdesc_misc(word), kind);
    }
}

TEST(memdesc, words_sum_to_the_machines_frames)
{
    u64 counts[MEMDESC_NR_TYPES], sum = 0;

    EXPECT_EQ(memdesc_count(counts), memory.nr_frames);
    for (unsigned t = 0; t < MEMDESC_NR_TYPES; t++)
        sum += counts[t];
    EXPECT_EQ(sum, memory.nr_frames);
    EXPECT_EQ(counts[MEMDESC_BUDDY], buddy.nr_free + frame_cache_frames());
}

TEST(memdesc, frames_that_do_not_exist_read_as_absent)
{
    EXPECT_EQ(memdesc_read(memory.end), memdesc_make_misc(MISC_ABSENT));
    EXPECT_EQ(memdesc_read(PFN_NONE), memdesc_make_misc(MISC_ABSENT));
    if (memory.first)
        EXPECT_EQ(memdesc_read(memory.first - 1), memdesc_make_misc(MISC_ABSENT));
    EXPECT(!pfn_valid(memory.end));
    EXPECT(pfn_valid(memory.first));
}

TEST(memdesc, fill_writes_exactly_its_words_at_any_length_and_place)
{
    static memdesc_t words[80];

    for (unsigned at = 0; at < 17; at++) {
        for (unsigned nr = 0; nr <= 60; nr++) {
            memset(words, 0, sizeof(words));
            memdesc_fill(words + at, nr, 0x123456789abcdef0);
            for (unsigned i = 0; i < 80; i++)
                if (words[i] != (i >= at && i < at + nr ? 0x123456789abcdef0 : 0))
                    test_fail(__FILE__, __LINE__, "fill(%u, %u): word %u is 0x%lx", at, nr, i,
                              words[i]);
        }
    }
}

TEST(memdesc, the_image_and_the_words_have_words_of_their_own)
{
    extern char __text_start[];
    pfn_t image = ((vaddr_t)__text_start - KERNEL_VA_OFFSET) >> PAGE_SHIFT;

    EXPECT_EQ(memdesc_read(image), memdesc_make_misc(MISC_IMAGE));
    EXPECT_EQ(memdesc_read(address_pfn(&memory.words[memory.first])),
              memdesc_make_misc(MISC_WORDS));
}

TEST(memdesc, every_type_has_a_name)
{
    for (unsigned t = 0; t < MEMDESC_NR_TYPES; t++)
        EXPECT(strcmp(memdesc_type_name(t), "unknown") != 0);
    for (unsigned k = 0; k < MISC_NR; k++)
        EXPECT(strcmp(memdesc_misc_name(k), "unknown") != 0);
    EXPECT(strcmp(memdesc_type_name(15), "unknown") == 0);
}
