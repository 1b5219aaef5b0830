/* SPDX-License-Identifier: MIT */
/*
 * The shell's line editor, key by key; what it shows is only counted. tests/runner/keyboard.py looks at a real screen.
 */
#include <string.h>
#include <quire/complete.h>
#include <quire/test.h>

static size_t shown;
static int zeros; /* bytes of what is shown that are 0: they come from behind a text's end */

static void show(const char *text, size_t n)
{
    shown += n && text[0] ? n : 0;
    zeros += memchr(text, 0, n) != NULL;
}

static struct line_edit line = {.prompt = "> ", .show = show};

/* Types all keys; the last answer that isn't LINE_GOES_ON begins a new line only with the next call. */
static enum line_answer type(const char *keys)
{
    enum line_answer answer = LINE_GOES_ON;

    line_begin(&line);
    while (*keys && answer == LINE_GOES_ON)
        answer = line_key(&line, *keys++);
    return answer;
}

#define EXPECT_LINE(text_, keys)                                                                                       \
    do {                                                                                                               \
        EXPECT_EQ(type(keys "\r"), LINE_READY);                                                                        \
        if (strcmp(line.text, text_) != 0)                                                                             \
            test_fail(__FILE__, __LINE__, "expected \"%s\", seen \"%s\"", text_, line.text);                           \
    } while (0)

TEST(edit, keys_edit_where_the_cursor_is)
{
    EXPECT_LINE("abc", "abc");
    EXPECT_LINE("axbc", "abc\033[D\033[Dx");
    EXPECT_LINE("abxc", "abc\002x");
    EXPECT_LINE("xabcy", "abc\001x\005y");
    EXPECT_LINE("xabcy", "abc\033[Hx\033OFy");
    EXPECT_LINE("xabcy", "abc\033[1~x\033[4~y");
    EXPECT_LINE("ab", "abc\177");
    EXPECT_LINE("bc", "abc\001\033[3~");
    EXPECT_LINE("bc", "abc\001\004");
    EXPECT_LINE("c", "abc\002\025"); /* Ctrl-U: all before the cursor */
    EXPECT_LINE("ab", "abc\002\013");
    EXPECT_LINE("one ", "one two  \027");
    EXPECT_LINE("ab", "abc\033[1;5D\033[1;2B\033[3;5~\033[12;34;56R"); /* with Ctrl or Shift; a long report */
    EXPECT_LINE("abc", "abc\033[C\006\033[B\033[Z\033[200~\001\002\177\005");
}

TEST(edit, a_character_of_several_bytes_is_one)
{
    EXPECT_LINE("ab", "a\303\266\177b");
    EXPECT_LINE("ax\303\266", "a\303\266\033[Dx");
}

TEST(edit, keys_with_modifiers_and_function_keys_type_nothing)
{
    EXPECT_LINE("axbc", "abc\033[1;5D\033[1;5Dx"); /* Ctrl and an arrow */
    EXPECT_LINE("ab", "abc\033[1;2D\033[3;5~");     /* Shift and an arrow, Ctrl and Delete */
    EXPECT_LINE("abcx", "abc\033[15~\033[17;2~\033[24~x");
    EXPECT_LINE("abcx", "abc\033A\033b\0333x"); /* Alt and a key */
    EXPECT_LINE("abcx", "abc\033[1;2;3;4;5;6;7;8;9Zx");
}

TEST(edit, bytes_that_are_no_text_fit_into_the_terminal)
{
    static const char odd[] = {(char)0x80, (char)0xbf, (char)0xc3, (char)0xff, 'a'};

    for (unsigned kind = 0; kind <= sizeof(odd); kind++) {
        line_begin(&line);
        line_key(&line, 'a');
        for (unsigned i = 1; i < LINE_MAX; i++)
            line_key(&line, kind < sizeof(odd) ? odd[kind] : odd[test_rand() % sizeof(odd)]);
        for (unsigned i = 0; i < 64; i++) {
            shown = 0;
            EXPECT_EQ(line_key(&line, '\002'), LINE_GOES_ON); /* the line is drawn with each step of the cursor */
            ASSERT(shown <= 4 * LINE_COLUMNS + 20);
        }
        shown = 0;
        EXPECT_EQ(line_key(&line, '\001'), LINE_GOES_ON);
        ASSERT(shown <= 4 * LINE_COLUMNS + 20);
        EXPECT_EQ(line.cursor, 0);
        EXPECT_EQ(line_key(&line, '\r'), LINE_READY);
        EXPECT_EQ(strlen(line.text), LINE_MAX);
    }
}

/* Bytes that continue a character take no column, so any number of them is in the part that is shown. */
TEST(edit, a_line_of_bytes_without_columns_is_drawn)
{
    char keys[700];

    memset(keys, '\200', sizeof(keys));
    keys[0] = 'a';
    keys[600] = '\001';
    keys[601] = 'b';
    keys[602] = 0;
    zeros = 0;
    EXPECT_EQ(type(keys), LINE_GOES_ON);
    EXPECT_EQ(zeros, 0);
    EXPECT_EQ(line.length, 601);
}

TEST(edit, ends_in_four_ways)
{
    EXPECT_EQ(type("ab\003"), LINE_GIVEN_UP);
    EXPECT_EQ(type("\004"), LINE_NO_MORE);
    EXPECT_EQ(type("ab\004"), LINE_GOES_ON);
    EXPECT_EQ(type("\n"), LINE_READY);
    EXPECT_EQ(type("ab\r"), LINE_READY);
    EXPECT_EQ(type("\n"), LINE_GOES_ON); /* CR LF is one end */
}

TEST(edit, earlier_lines_come_back)
{
    EXPECT_LINE("first", "first");
    EXPECT_LINE("second", "second");
    EXPECT_LINE("second", "second"); /* kept once */
    EXPECT_LINE("first", "\033[A\033[A");
    EXPECT_LINE("first!", "\033[A\033[A!\177\033[B!");
    EXPECT_LINE("draft", "draft\033[A\033[A\016\033[B\033[B\033[B");
    for (int i = 0; i < 3 * LINE_HISTORY; i++) {
        char text[] = {(char)('a' + i % 26), (char)('a' + i / 26), '\r', 0};
        EXPECT_EQ(type(text), LINE_READY);
    }
    EXPECT_EQ(line.history.nr, LINE_HISTORY);
}

static void type_many(unsigned n)
{
    line_begin(&line);
    while (n--)
        EXPECT_EQ(line_key(&line, 'x'), LINE_GOES_ON);
}

TEST(edit, a_line_that_is_too_long_is_refused)
{
    type_many(LINE_MAX);
    EXPECT_EQ(line_key(&line, '\r'), LINE_READY);
    EXPECT_EQ(strlen(line.text), LINE_MAX);
    type_many(LINE_MAX + 1);
    EXPECT_EQ(line_key(&line, '\r'), LINE_TOO_LONG);
    type_many(LINE_MAX + 1);
    EXPECT_EQ(line_key(&line, 127), LINE_GOES_ON); /* the one that had no room */
    EXPECT_EQ(line_key(&line, '\r'), LINE_READY);
    EXPECT_LINE("short", "short");
    type_many(LINE_MAX + 1);
    for (const char *up = "\033[A"; *up; up++)
        EXPECT_EQ(line_key(&line, *up), LINE_GOES_ON);
    EXPECT_EQ(line_key(&line, '\r'), LINE_READY); /* the line that is shown isn't the long one any more */
}

TEST(edit, what_is_shown_never_gets_wider_than_the_terminal)
{
    type_many(500);
    shown = 0;
    line_draw(&line);
    EXPECT(shown <= LINE_COLUMNS + 20);
}

/* --- Tab ------------------------------------------------------------------------------- */
static const char *names(long i, const char *command, size_t length)
{
    static const char *const commands[] = {"cat", "counters", "crash", NULL}, *const files[] = {"motd", NULL};

    return length && strncmp(command, "cat", length) == 0 ? files[i] : commands[i];
}

static void complete(struct line_edit *e) { complete_word(e, names); }

TEST(edit, tab_completes_words)
{
    line.complete = complete;
    EXPECT_LINE("cat ", "ca\t");
    EXPECT_LINE("cat motd ", "ca\tm\t");
    EXPECT_LINE("c", "c\t");
    EXPECT_LINE("x", "x\t");
    EXPECT_LINE("x; counters ", "x; co\t");
    EXPECT_LINE("cat  arg", "ca arg\002\002\002\002\t");
    line.complete = NULL;
    EXPECT_LINE("ca", "ca\t");
}
