/* SPDX-License-Identifier: MIT */
/*
 * AVL trees (Adelson-Velsky and Landis, 1962). Invariant: the heights of a node's two children differ by
 * at most one; checked from the changed place upwards after each insertion and removal.
 */
#include <quire/tree.h>

static int height(const struct tree_node *n) { return n ? n->height : 0; }

static void update(struct tree_node *n) { n->height = 1 + MAX(height(n->child[0]), height(n->child[1])); }

/* Put `with` (may be NULL) in the place of `old`. */
static void replace(struct tree *tree, struct tree_node *old, struct tree_node *with)
{
    struct tree_node *parent = old->parent;

    if (!parent)
        tree->root = with;
    else
        parent->child[parent->child[1] == old] = with;
    if (with)
        with->parent = parent;
}

/* The child on `side` becomes the parent of n. */
static struct tree_node *rotate(struct tree *tree, struct tree_node *n, int side)
{
    struct tree_node *up = n->child[side];

    replace(tree, n, up);
    n->child[side] = up->child[!side];
    if (n->child[side])
        n->child[side]->parent = n;
    up->child[!side] = n;
    n->parent = up;
    update(n);
    update(up);
    return up;
}

static void rebalance(struct tree *tree, struct tree_node *n)
{
    for (; n; n = n->parent) {
        int lean = height(n->child[1]) - height(n->child[0]);
        if (lean > 1 || lean < -1) {
            int side = lean > 0;
            struct tree_node *tall = n->child[side];
            if (height(tall->child[!side]) > height(tall->child[side]))
                rotate(tree, tall, !side);
            n = rotate(tree, n, side);
        }
        update(n);
    }
}

bool tree_insert(struct tree *tree, struct tree_node *node, u64 key)
{
    struct tree_node **link = &tree->root, *parent = NULL;

    while (*link) {
        parent = *link;
        if (key == parent->key)
            return false;
        link = &parent->child[key > parent->key];
    }
    *node = (struct tree_node){.parent = parent, .key = key, .height = 1};
    *link = node;
    tree->count++;
    rebalance(tree, parent);
    return true;
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
    struct tree_node *from = node->parent;

    if (node->child[0] && node->child[1]) {
        /* The next node has no left child: it takes this one's place. */
        struct tree_node *next = tree_next(node);
        from = next->parent == node ? next : next->parent;
        if (next->parent != node) {
            replace(tree, next, next->child[1]);
            next->child[1] = node->child[1];
            next->child[1]->parent = next;
        }
        replace(tree, node, next);
        next->child[0] = node->child[0];
        next->child[0]->parent = next;
    } else {
        replace(tree, node, node->child[node->child[0] == NULL]);
    }
    tree->count--;
    rebalance(tree, from);
}

struct tree_node *tree_find(const struct tree *tree, u64 key)
{
    struct tree_node *n = tree->root;
    while (n && n->key != key)
        n = n->child[key > n->key];
    return n;
}

struct tree_node *tree_at_or_below(const struct tree *tree, u64 key)
{
    struct tree_node *best = NULL;
    for (struct tree_node *n = tree->root; n; n = n->child[n->key <= key])
        if (n->key <= key)
            best = n;
    return best;
}

struct tree_node *tree_at_or_above(const struct tree *tree, u64 key)
{
    struct tree_node *best = NULL;
    for (struct tree_node *n = tree->root; n; n = n->child[n->key < key])
        if (n->key >= key)
            best = n;
    return best;
}

struct tree_node *tree_first(const struct tree *tree)
{
    struct tree_node *n = tree->root;
    while (n && n->child[0])
        n = n->child[0];
    return n;
}

static struct tree_node *step(const struct tree_node *node, int side)
{
    struct tree_node *n = node->child[side];

    if (n) {
        while (n->child[!side])
            n = n->child[!side];
        return n;
    }
    for (n = node->parent; n && n->child[side] == node; n = n->parent)
        node = n;
    return n;
}

struct tree_node *tree_next(const struct tree_node *node) { return step(node, 1); }
struct tree_node *tree_prev(const struct tree_node *node) { return step(node, 0); }
