/* SPDX-License-Identifier: MIT */
/* Strings, formatted output, patterns, SHA-256. */
#include <quire/glob.h>
#include <quire/line.h>
#include <quire/printf.h>
#include <quire/sha256.h>
#include <quire/log.h>
#include <quire/string.h>
#include <quire/test.h>

/* --- strings --------------------------------------------------------------------------- */
TEST(string, copies_write_exactly_their_bytes_at_any_alignment)
{
    static u8 from[96], to[96];

    for (unsigned i = 0; i < 96; i++)
        from[i] = (u8)(i * 7 + 1);
    for (unsigned a = 0; a < 9; a++) {
        for (unsigned b = 0; b < 9; b++) {
            for (unsigned n = 0; n <= 70; n += n < 20 ? 1 : 9) {
                memset(to, 0, sizeof(to));
                EXPECT(memcpy(to + a, from + b, n) == to + a);
                for (unsigned i = 0; i < 96; i++)
                    if (to[i] != (i >= a && i < a + n ? from[i - a + b] : 0))
                        test_fail(__FILE__, __LINE__, "memcpy(+%u, +%u, %u): byte %u", a, b, n, i);
            }
        }
    }
}

TEST(string, overlapping_moves_keep_the_contents)
{
    u8 buffer[64];

    for (unsigned from = 0; from < 20; from++) {
        for (unsigned to = 0; to < 20; to++) {
            for (unsigned i = 0; i < 64; i++)
                buffer[i] = (u8)i;
            memmove(buffer + to, buffer + from, 40);
            for (unsigned i = 0; i < 40; i++)
                if (buffer[to + i] != from + i)
                    test_fail(__FILE__, __LINE__, "memmove %u to %u: byte %u", from, to, i);
        }
    }
}

TEST(string, setting_writes_exactly_its_bytes)
{
    u8 buffer[80];

    for (unsigned at = 0; at < 9; at++) {
        for (unsigned n = 0; n <= 64; n++) {
            memset(buffer, 1, sizeof(buffer));
            memset(buffer + at, 0xab, n);
            for (unsigned i = 0; i < 80; i++)
                if (buffer[i] != (i >= at && i < at + n ? 0xab : 1))
                    test_fail(__FILE__, __LINE__, "memset(+%u, %u): byte %u", at, n, i);
        }
    }
}

TEST(string, comparisons_have_the_right_sign)
{
    EXPECT(memcmp("abc", "abd", 3) < 0);
    EXPECT(memcmp("abc", "abd", 2) == 0);
    EXPECT(memcmp("\200", "\001", 1) > 0); /* bytes are unsigned */
    EXPECT(strcmp("", "") == 0);
    EXPECT(strcmp("a", "") > 0);
    EXPECT(strcmp("a", "ab") < 0);
    EXPECT(strcmp("\377", "a") > 0);
    EXPECT(strncmp("abX", "abY", 2) == 0);
    EXPECT(strncmp("ab", "abc", 5) < 0);
    EXPECT(strncmp("x", "y", 0) == 0);
}

TEST(string, searches_find_the_first_and_the_last)
{
    const char *s = "abcabc";

    EXPECT(strchr(s, 'b') == s + 1);
    EXPECT(strrchr(s, 'b') == s + 4);
    EXPECT(strchr(s, 0) == s + 6);
    EXPECT(strrchr(s, 0) == s + 6);
    EXPECT(strchr(s, 'x') == NULL);
    EXPECT(strstr(s, "ca") == s + 2);
    EXPECT(strstr(s, "") == s);
    EXPECT(strstr(s, "abcd") == NULL);
    EXPECT(strstr("", "") != NULL);
    EXPECT_EQ(strlen(s), 6);
    EXPECT_EQ(strnlen(s, 3), 3);
    EXPECT_EQ(strnlen(s, 100), 6);
}

TEST(string, bounded_copies_terminate_and_tell_what_they_cut)
{
    char b[8];

    EXPECT_EQ(strlcpy(b, "12345678901", sizeof(b)), 11);
    EXPECT(strcmp(b, "1234567") == 0);
    EXPECT_EQ(strlcpy(b, "ab", sizeof(b)), 2);
    EXPECT(strcmp(b, "ab") == 0);
    b[0] = 'x';
    EXPECT_EQ(strlcpy(b, "ab", 0), 2);
    EXPECT(b[0] == 'x');
    memset(b, 'z', sizeof(b));
    strncpy(b, "ab", 4);
    EXPECT(memcmp(b, "ab\0\0zzzz", 8) == 0);
    strcpy(b, "ab");
    EXPECT(strcmp(strcat(b, "cd"), "abcd") == 0);
}

/* --- formatted output ------------------------------------------------------------------ */
#define EXPECT_TEXT(want, ...)                                                                     \
    do {                                                                                           \
        char text_[64];                                                                            \
        int n_ = snprintf(text_, sizeof(text_), __VA_ARGS__);                                      \
        if (strcmp(text_, want) != 0 || n_ != (int)strlen(want))                                   \
            test_fail(__FILE__, __LINE__, "expected \"%s\", seen \"%s\" (%d)", want, text_, n_);   \
    } while (0)

TEST(printf, numbers)
{
    EXPECT_TEXT("0 1 -1", "%d %d %d", 0, 1, -1);
    EXPECT_TEXT("-2147483648 4294967295", "%d %u", (int)0x80000000, ~0u);
    EXPECT_TEXT("-9223372036854775808", "%ld", (long)(1UL << 63));
    EXPECT_TEXT("18446744073709551615", "%lu", ~0UL);
    EXPECT_TEXT("ffffffffffffffff FF 17", "%lx %X %o", ~0UL, 255u, 15u);
    EXPECT_TEXT("255 65535", "%hhu %hu", 0x1ffu, 0x1ffffu);
    EXPECT_TEXT("7 7 7", "%zu %lld %jd", (size_t)7, 7LL, (intmax_t)7);
}

TEST(printf, width_precision_and_flags)
{
    EXPECT_TEXT("   42|42   |00042", "%5d|%-5d|%05d", 42, 42, 42);
    EXPECT_TEXT("  -42|-0042", "%5d|%05d", -42, -42);
    EXPECT_TEXT("+7 -7", "%+d %+d", 7, -7);
    EXPECT_TEXT("0x0001f", "0x%05x", 0x1fu);
    EXPECT_TEXT("007", "%.3d", 7);
    EXPECT_TEXT("   5|5   ", "%*d|%*d", 4, 5, -4, 5);
    EXPECT_TEXT("1,234,567 999 0", "%'u %'u %'u", 1234567u, 999u, 0u);
    EXPECT_TEXT("18,446,744,073,709,551,615", "%'lu", ~0UL);
}

TEST(printf, strings_and_characters)
{
    EXPECT_TEXT("ab|   ab|ab   |a", "%s|%5s|%-5s|%.1s", "ab", "ab", "ab", "ab");
    EXPECT_TEXT("x%", "%c%%", 'x');
    EXPECT_TEXT("abc", "%.*s", 3, "abcdef");
    const char *volatile none = NULL; /* volatile, or the compiler would warn */
    EXPECT_TEXT("(null)", "%s", none);
}

TEST(printf, what_is_too_long_is_cut_and_told)
{
    char b[6];

    memset(b, 'z', sizeof(b));
    EXPECT_EQ(snprintf(b, 5, "%s", "123456789"), 9);
    EXPECT(strcmp(b, "1234") == 0);
    EXPECT(b[5] == 'z');
    EXPECT_EQ(snprintf(NULL, 0, "%d", 12345), 5);
    EXPECT_EQ(snprintf(b, 1, "abc"), 3);
    EXPECT(b[0] == 0);
}

TEST(printf, wide_fields_of_zeros_stay_inside_the_buffer)
{
    char b[128];

    EXPECT_EQ(snprintf(b, sizeof(b), "%0100d", 7) >= 60, 1);
    EXPECT_EQ(snprintf(b, sizeof(b), "%.100d", -7) >= 60, 1);
    EXPECT_EQ(snprintf(b, sizeof(b), "%'099lu", ~0UL) >= 60, 1);
}

/* --- patterns -------------------------------------------------------------------------- */
TEST(glob, patterns_match_as_in_a_shell)
{
    static const struct {
        const char *pattern, *text;
        bool match;
    } t[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "abc", true},
        {"a*c", "abc", true},
        {"a*c", "ac", true},
        {"a*c", "abd", false},
        {"*b*", "abc", true},
        {"?", "a", true},
        {"?", "", false},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"[abc]", "b", true},
        {"[abc]", "d", false},
        {"[!abc]", "d", true},
        {"[!abc]", "a", false},
        {"[a-c]x", "bx", true},
        {"[a-c]x", "dx", false},
        {"buddy.*", "buddy.x", true},
        {"buddy.*", "buddyx", false},
        {"*a*b*c*", "xxaxxbxxcxx", true},
        {"*a*b*c*", "xxaxxcxxbxx", false},
        {"**", "abc", true},
        {"a*", "b", false},
        {"*aab", "aaaaab", true},
        {"[", "[", true},
        {"[ab", "[ab", true},
        {"a", "ab", false},
        {"*.txt", "a.txt.txt", true},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(t); i++)
        if (glob_match(t[i].pattern, t[i].text) != t[i].match)
            test_fail(__FILE__, __LINE__, "\"%s\" on \"%s\": expected %d", t[i].pattern, t[i].text,
                      t[i].match);
}

TEST(glob, many_stars_take_no_exponential_time)
{
    char text[200];

    memset(text, 'a', sizeof(text));
    text[199] = 0;
    EXPECT(!glob_match("*a*a*a*a*a*a*a*a*b", text));
}

/* --- SHA-256: the vectors of FIPS 180-4's examples -------------------------------------- */
static bool digest_is(const char *hex, const void *data, size_t n, size_t step)
{
    struct sha256 s;
    u8 digest[32];
    char text[65];

    sha256_init(&s);
    for (size_t at = 0; at < n; at += step)
        sha256_update(&s, (const u8 *)data + at, MIN(step, n - at));
    sha256_final(&s, digest);
    for (unsigned i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return strcmp(text, hex) == 0;
}

TEST(sha256, the_standards_vectors)
{
    static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

    EXPECT(digest_is("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "", 0, 1));
    EXPECT(
        digest_is("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "abc", 3, 3));
    EXPECT(
        digest_is("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", two, 56, 56));
}

TEST(sha256, pieces_of_any_size_give_the_same_digest)
{
    static u8 data[1000];

    memset(data, 'a', sizeof(data));
    for (size_t step = 1; step < 140; step += 7)
        EXPECT(digest_is("41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3", data,
                         1000, step));
}

/* --- text of programs ------------------------------------------------------------------ */
TEST(log, what_could_end_a_line_or_move_the_cursor_is_not_plain)
{
    for (unsigned c = 0; c < 256; c++)
        EXPECT_EQ(text_is_plain((char)c), c == '\t' || (c >= 32 && c < 127));
}

/* --- lines that are typed ---------------------------------------------------------------------- */
static size_t echoed;

static void count_echo(const char *text, size_t len) { echoed += text[0] ? len : 0; }

static void type(struct line *line, const char *keys)
{
    while (*keys)
        line_type(line, *keys++, count_echo);
}

TEST(line, is_edited_until_it_is_finished)
{
    static struct line line;
    char to[16] = "";

    line_drop(&line);
    echoed = 0;
    type(&line, "xy\x15\b" "ab\x7f" "c\x01");
    EXPECT(!line.finished);
    EXPECT_EQ(echoed, 2 + 6 + 2 + 3 + 1);
    type(&line, "\r");
    EXPECT(line.finished);
    EXPECT_EQ(line_take(&line, to, 1), 1);
    EXPECT_EQ(line_take(&line, to + 1, 15), 2);
    EXPECT_EQ(strcmp(to, "ac\n"), 0);
    EXPECT(!line.finished);
    type(&line, "\x04");
    EXPECT(line.finished);
    EXPECT_EQ(line_take(&line, to, 16), 0);
    EXPECT(!line.finished);
}

TEST(line, a_full_line_is_finished)
{
    static struct line line;

    line_drop(&line);
    for (int i = 0; i < LINE_BYTES; i++) {
        EXPECT(!line.finished);
        line_type(&line, 'x', count_echo);
    }
    EXPECT(line.finished);
}
