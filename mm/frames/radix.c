/* SPDX-License-Identifier: MIT */
/* Radix trees: 64 slots in each node, as many levels as the largest index needs. The owner of a tree locks it. */
#include <quire/memobj.h>
#include <quire/errno.h>
#include <quire/quota.h>
#include <quire/slab.h>

#define RADIX_BITS 6
#define RADIX_SLOTS MEMOBJ_SLOTS
#define RADIX_MAX_HEIGHT 6 /* 2^36 pages */

struct radix_node {
    void *slot[RADIX_SLOTS];
};

static SLAB_CACHE(node_cache, radix_node, slot, false);

static struct radix_node *new_node(struct quota *quota)
{
    if (!quota_keep(quota, SLAB_COST(radix_node)))
        return NULL;
    struct radix_node *node = slab_alloc(&node_cache);
    if (!node)
        quota_let_go(quota, SLAB_COST(radix_node));
    return node;
}

static unsigned slot_of(u64 index, unsigned level) { return index >> (RADIX_BITS * level) & (RADIX_SLOTS - 1); }

void *const *radix_slots(const struct radix_tree *tree, u64 index)
{
    struct radix_node *node = tree->root;

    if (index >> (RADIX_BITS * tree->height))
        return NULL;
    for (unsigned level = tree->height; node && --level > 0;)
        node = node->slot[slot_of(index, level)];
    return node ? &node->slot[slot_of(index, 0)] : NULL;
}

void *radix_get(const struct radix_tree *tree, u64 index)
{
    void *const *slot = radix_slots(tree, index);
    return slot ? *slot : NULL;
}

/* The next used index, from `index` on, below `node`, whose first index is `base`; ~0UL: none. */
static u64 next_below(const struct radix_node *node, unsigned level, u64 base, u64 index, void **value)
{
    u64 span = 1UL << (RADIX_BITS * level);

    for (u64 i = index > base ? (index - base) / span : 0; i < RADIX_SLOTS; i++) {
        void *slot = node->slot[i];
        u64 found = base + i * span;
        if (!slot)
            continue;
        if (level)
            found = next_below(slot, level - 1, found, index, value);
        else
            *value = slot;
        if (found != ~0UL)
            return found;
    }
    return ~0UL;
}

u64 radix_next(const struct radix_tree *tree, u64 index, void **value)
{
    if (!tree->height || index >> (RADIX_BITS * tree->height))
        return ~0UL;
    return next_below(tree->root, tree->height - 1, 0, index, value);
}

int radix_set(struct radix_tree *tree, u64 index, void *value)
{
    if (index >> (RADIX_BITS * RADIX_MAX_HEIGHT))
        return -EINVAL;
    while (tree->height == 0 || index >> (RADIX_BITS * tree->height)) {
        if (!value && !tree->root)
            return 0;
        struct radix_node *up = new_node(tree->quota);
        if (!up)
            return -ENOMEM;
        up->slot[0] = tree->root;
        tree->root = up;
        tree->height++;
    }
    struct radix_node *node = tree->root;
    for (unsigned level = tree->height - 1; level > 0; level--) {
        void **slot = &node->slot[slot_of(index, level)];
        if (!*slot) {
            if (!value)
                return 0;
            *slot = new_node(tree->quota);
            if (!*slot)
                return -ENOMEM; /* empty nodes may stay: they hold nothing, and are freed with the tree */
        }
        node = *slot;
    }
    node->slot[slot_of(index, 0)] = value;
    return 0;
}

static void free_nodes(struct radix_node *node, unsigned level, struct quota *quota)
{
    if (!node)
        return;
    for (unsigned i = 0; level > 0 && i < RADIX_SLOTS; i++)
        free_nodes(node->slot[i], level - 1, quota);
    slab_free(&node_cache, node);
    quota_let_go(quota, SLAB_COST(radix_node));
}

void radix_destroy(struct radix_tree *tree)
{
    if (tree->height)
        free_nodes(tree->root, tree->height - 1, tree->quota);
    tree->root = NULL;
    tree->height = 0;
}
