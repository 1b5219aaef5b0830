/* SPDX-License-Identifier: MIT */
/*
 * Balanced binary search trees (AVL) of nodes embedded in structs, keyed by an unsigned number that no two nodes share.
 * The tree's owner does the locking.
 */
#pragma once

#include <quire/types.h>

struct tree_node {
    struct tree_node *child[2], *parent;
    u64 key;
    int height;
};

struct tree {
    struct tree_node *root;
    size_t count;
};

bool tree_insert(struct tree *tree, struct tree_node *node, u64 key); /* false: key is there already */
void tree_remove(struct tree *tree, struct tree_node *node);
struct tree_node *tree_find(const struct tree *tree, u64 key);
struct tree_node *tree_at_or_below(const struct tree *tree, u64 key); /* greatest key <= key */
struct tree_node *tree_at_or_above(const struct tree *tree, u64 key); /* smallest key >= key */
struct tree_node *tree_first(const struct tree *tree);
struct tree_node *tree_next(const struct tree_node *node);
struct tree_node *tree_prev(const struct tree_node *node);
