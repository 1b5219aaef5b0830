/* SPDX-License-Identifier: MIT */
/*
 * The reference model of frames, folios, holes and poison: one struct a frame, one a folio, one a hole, and answers by
 * looking at all of them. The code is simple and slow, and shares nothing with mm/.
 */
#pragma once

#include <quire/hole.h>
#include <quire/types.h>

#define MODEL_FRAMES 64
#define MODEL_FOLIOS 64
#define MODEL_HOLES 64

enum frame_state {
    FRAME_FREE,  /* or part of a slab: mm decides */
    FRAME_FOLIO, /* frame.folio's, perhaps in frame.hole */
    FRAME_LOST,  /* poisoned, and part of no folio any more */
};

struct model_frame {
    enum frame_state state;
    unsigned folio;
    int hole; /* -1: none */
    bool poisoned;
    u64 stamp; /* contents of its first and last 8 bytes */
};

struct model_folio {
    struct folio *real; /* NULL: this place is empty */
    pfn_t pfn;
    unsigned order;
    int refs;     /* 0: dying, its holes keep it */
    int nr_holes;
    bool poisoned; /* some frame is */
};

struct model_hole {
    struct insecure_mem *real; /* NULL: this place is empty */
    unsigned folio;
    pfn_t first;
    unsigned nr;
    int refs;
};

struct model {
    pfn_t first, end;
    struct model_frame frame[MODEL_FRAMES]; /* use model_frame() */
    struct model_folio folio[MODEL_FOLIOS];
    struct model_hole hole[MODEL_HOLES];
    u64 next_stamp;
};
extern struct model model;

void model_begin(pfn_t first, u64 frames);
static inline bool model_valid(pfn_t pfn) { return pfn >= model.first && pfn < model.end; }
static inline struct model_frame *model_frame(pfn_t pfn) { return &model.frame[pfn - model.first]; }
u64 model_frames_used(void);
u64 model_objects(void);  /* descriptors of folios, holes and poison */
u64 model_poisoned(void);
int model_room(void);      /* an empty place for a folio; -1 */
int model_hole_room(void);

/* What mm must answer. */
int model_split_error(unsigned folio, unsigned order);
int model_split_around_error(unsigned folio, size_t first, unsigned order);
int model_join_error(unsigned folio, unsigned order);
int model_punch_error(unsigned folio, size_t first, size_t nr);
int model_mend_error(unsigned hole);

/* The changes that follow. */
void model_alloc(unsigned folio, struct folio *real, pfn_t pfn, unsigned order);
void model_put(unsigned folio); /* one reference */
void model_punch(unsigned folio, unsigned hole, struct insecure_mem *real, size_t first, size_t nr);
void model_close(unsigned hole);
void model_poison(pfn_t pfn);
/* [pfn, pfn + 2^order) is a folio of its own from now on, reference count 1; `folio` keeps its descriptor. */
void model_become(unsigned folio, struct folio *real, pfn_t pfn, unsigned order);
