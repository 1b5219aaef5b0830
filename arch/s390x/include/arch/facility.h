/* SPDX-License-Identifier: MIT */
/* The features of this CPU model: the list of STORE FACILITY LIST EXTENDED (chapter 4 "Control"). */
#pragma once

#include <quire/types.h>

#define FACILITY_EDAT1         8   /* 1 MiB frames in segment-table entries */
#define FACILITY_MVCOS         27  /* MOVE WITH OPTIONAL SPECIFICATIONS */
#define FACILITY_MSA5          57  /* PERFORM RANDOM NUMBER OPERATION */
#define FACILITY_FETCH_STORE   75  /* a refused access says whether it was a store */
#define FACILITY_VECTOR        129 /* vector registers */
#define FACILITY_NO_EXECUTE    130 /* instruction-execution protection */
#define FACILITY_SUPPRESSION_2 131 /* a protection exception says what refused the access */

extern u64 s390x_facilities[4];

static inline bool s390x_facility(unsigned n)
{
    return s390x_facilities[n / 64] << n % 64 >> 63;
}

void s390x_facilities_read(void); /* boot CPU, before the first question */
