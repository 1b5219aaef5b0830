/* SPDX-License-Identifier: MIT */
/* Calls that break a contract end in a panic, whose text names the rule. Debug builds check it. */
#include "all.h"
#include "batches.h"
#include "../machine/machine.h"
#include <quire/hole.h>
#include <string.h>

static void must_say(bool panicked, const char *words)
{
    CHECK(panicked, "debug builds catch a broken contract of set_ptes", "no panic; expected one that says \"%s\"", words);
    CHECK(strstr(panic_text, words), "the panic names the broken rule", "it says \"%s\", expected \"%s\"", panic_text, words);
}

void contract_set_ptes(void)
{
    struct table t = batch_table();
    unsigned last = (unsigned)PT_ENTRIES(0) - 1, prot = PGPROT_USER | PGPROT_READ;
    struct folio *a = folio_alloc(2, 0), *b = folio_alloc(2, 0);
    pte_t e = pfn_pte(a->pfn, prot);

    CHECK(a && b, "there is memory", "folio_alloc() failed");
    must_say(PANICS(set_ptes(t.mm, t.base, t.entries, e, 0)), "nr is 0");
    must_say(PANICS(set_ptes(t.mm, t.base + last * PAGE_SIZE, t.entries + last, e, 2)), "one call, one table");
    must_say(PANICS(set_ptes(t.mm, t.base + PAGE_SIZE, t.entries, e, 1)), "isn't the one for address");
    must_say(PANICS(set_ptes(t.mm, t.base, t.entries, e, 8)), "one call, one folio");
    must_say(PANICS(set_ptes(t.mm, t.base, t.entries, pte_empty(0), 2)), "present entries only");
    struct insecure_mem *hole;
    CHECK_EQ(folio_punch_hole(b, 1, 1, HOLE_RESERVED, &hole), 0, "folio_punch_hole()", "nothing is in the way");
    CHECK(!PANICS(set_ptes(t.mm, t.base + 16 * PAGE_SIZE, t.entries + 16, pfn_pte(b->pfn, prot), 4)),
          "a hole may come at any time: whoever makes it removes the entries again", "panic: %s", panic_text);
    set_ptes(t.mm, t.base, t.entries, e, 1);
    must_say(PANICS(set_ptes(t.mm, t.base, t.entries, e, 2)), "only nr == 1 may replace");
    set_ptes(t.mm, t.base, t.entries, pte_wrprotect(e), 1);
    spin_unlock(pt_lock(t.entries));
    must_say(PANICS(set_ptes(t.mm, t.base, t.entries, e, 1)), "lock isn't held");
    spin_lock(pt_lock(t.entries));
    CHECK_EQ(folio_mend_hole(hole), 0, "folio_mend_hole()", "nobody else holds it");
    folio_put(a);
    folio_put(b);
    batch_table_end(t);
}
