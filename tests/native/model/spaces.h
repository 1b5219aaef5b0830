/* SPDX-License-Identifier: MIT */
/*
 * The reference model of address spaces: for every page of a small window, what is mapped there and what a program must
 * read there. A fork copies everything at once. The model has no frames, no page tables and no sharing: copy-on-write
 * is an optimisation that no program may notice.
 */
#pragma once

#include <quire/types.h>

#define WINDOW_PAGES 128u
#define SPACES 4
#define OBJECTS 24
#define OBJECT_PAGES WINDOW_PAGES
#define VALUES 2 /* words of a page that are looked at: the first and the last */

struct content {
    u64 word[VALUES];
};

struct model_object {
    bool used;
    u64 nr_pages;
    struct content page[OBJECT_PAGES];
    bool broken[OBJECT_PAGES];  /* poisoned */
    int hole[OBJECT_PAGES];     /* which hole; -1: none */
};

struct model_page {
    bool mapped, shared;
    unsigned prot;
    int object; /* -1: anonymous */
    u64 index;  /* page of the object */
    bool own;   /* has contents of its own: private memory that was written */
    struct content content;
    bool broken;    /* its own frame was poisoned: bus errors until it is unmapped */
    int hole;       /* the hole that the area shows; -1: none */
    bool hole_gone; /* its entries were removed and don't come back */
    int marked;     /* private memory whose frame is in hole number marked - 1: kept, but not accessible; 0: no mark */
};

struct space {
    bool used;
    struct model_page page[WINDOW_PAGES];
};

extern struct space spaces[SPACES];
extern struct model_object objects[OBJECTS];

void spaces_begin(void);
int object_new(u64 nr_pages); /* -1: no place */
/* Forget internal objects that no area shows any more. `keep`: the first ones belong to the game and stay. */
void objects_sweep(unsigned keep);

/* The result that an access must have: 0, or the error. */
int model_access(const struct space *s, unsigned page, unsigned access);
/* The contents that it must find. */
struct content *model_content(struct space *s, unsigned page);
void model_write(struct space *s, unsigned page, unsigned which, u64 value);

bool model_covered(const struct space *s, unsigned first, unsigned nr);
bool model_empty(const struct space *s, unsigned first, unsigned nr);
void model_unmap(struct space *s, unsigned first, unsigned nr);
void model_map(struct space *s, unsigned first, unsigned nr, unsigned prot, bool shared, int object, u64 index);
void model_dontneed(struct space *s, unsigned first, unsigned nr);
