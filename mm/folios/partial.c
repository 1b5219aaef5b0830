/* SPDX-License-Identifier: MIT */
/*
 * The lists of folios that are mapped only in part, one for each account. mm/parts/folio_trim.c says what happens to
 * these folios. A list holds no references: a folio that is freed leaves its list.
 */
#include <quire/folio_trim.h>
#include <quire/memobj.h>
#include <quire/quota.h>

static spinlock_t list_lock; /* of all lists */
LOCK_ORDER_STATIC(9, list_lock);
static struct list turns = LIST_INIT(turns); /* the accounts that have such folios */
static struct partial_folios nobodys = {.folios = LIST_INIT(nobodys.folios)};
static u64 nr_partial;

/* A folio never changes its account, and keeps the account's struct: so a list that isn't empty has its account. */
static struct partial_folios *list_of(const struct folio *f) { return f->quota ? &f->quota->partial : &nobodys; }

static void put_in(struct folio *f)
{
    struct partial_folios *l = list_of(f);

    list_push_back(&l->folios, &f->partial_link);
    WRITE_ONCE(l->nr, l->nr + 1); /* folios_trim() reads it without the lock */
    if (l->nr == 1)
        list_push_back(&turns, &l->turn);
    WRITE_ONCE(nr_partial, nr_partial + 1);
}

static void take_out(struct folio *f)
{
    struct partial_folios *l = list_of(f);

    list_remove(&f->partial_link);
    WRITE_ONCE(l->nr, l->nr - 1);
    if (l->nr == 0)
        list_remove(&l->turn);
    WRITE_ONCE(nr_partial, nr_partial - 1);
}

void folio_note_partial_slow(struct folio *f)
{
    if (!f->owner || f->owner->kind != MEMOBJ_ANON) /* an object keeps its pages, mapped or not */
        return;
    spin_lock(&list_lock);
    if (!(__atomic_fetch_or(&f->flags, FOLIO_F_PARTIAL, __ATOMIC_RELAXED) & FOLIO_F_PARTIAL))
        put_in(f);
    spin_unlock(&list_lock);
}

void folio_forget_partial(struct folio *f)
{
    spin_lock(&list_lock);
    if (__atomic_fetch_and(&f->flags, ~FOLIO_F_PARTIAL, __ATOMIC_RELAXED) & FOLIO_F_PARTIAL)
        take_out(f);
    spin_unlock(&list_lock);
}

/* Takes a list's oldest folio out, with a reference; NULL: none. Leaves out folios that are being freed. Lock held. */
static struct folio *take_oldest(struct partial_folios *l)
{
    list_for_each(node, &l->folios) {
        struct folio *f = list_entry(node, struct folio, partial_link);
        if (!folio_try_get(f))
            continue;
        take_out(f);
        __atomic_fetch_and(&f->flags, ~FOLIO_F_PARTIAL, __ATOMIC_RELAXED);
        return f;
    }
    return NULL;
}

/* Takes a folio of the account whose turn it is. Afterwards this account is last in the order. */
static struct folio *take_in_turn(void)
{
    list_for_each(node, &turns) {
        struct partial_folios *l = list_entry(node, struct partial_folios, turn);
        struct folio *f = take_oldest(l);
        if (!f)
            continue;
        if (l->nr) {
            list_remove(&l->turn);
            list_push_back(&turns, &l->turn);
        }
        return f;
    }
    return NULL;
}

struct folio *partial_folio_take(struct quota *quota)
{
    spin_lock(&list_lock);
    struct folio *f = quota ? take_oldest(&quota->partial) : take_in_turn();
    spin_unlock(&list_lock);
    return f;
}

u64 partial_folios_count(const struct quota *quota)
{
    return quota ? READ_ONCE(quota->partial.nr) : READ_ONCE(nr_partial);
}
