/* SPDX-License-Identifier: MIT */
/*
 * The basic types of the kernel.
 *
 * Frame numbers, physical addresses and virtual addresses are different things and have different
 * types. `pfn_t` and `vaddr_t` are plain numbers; `paddr_t` is checked by sparse (`make check`), so
 * it can only be made and taken apart by the helpers below.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <quire/compiler.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef long ssize_t;

typedef u64 pfn_t;               /* number of a 4 KiB frame: physical address / 4096 */
typedef u64 __bitwise paddr_t;   /* physical address, bytes */
typedef unsigned long vaddr_t;   /* virtual address, bytes */

#define PAGE_SHIFT 12
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PFN_NONE (~0UL)

#define KiB 1024UL
#define MiB (1024UL * KiB)
#define GiB (1024UL * MiB)

static inline u64 paddr_value(paddr_t pa) { return (__force u64)pa; }
static inline paddr_t mk_paddr(u64 value) { return (__force paddr_t)value; }
static inline paddr_t paddr_add(paddr_t pa, u64 bytes) { return mk_paddr(paddr_value(pa) + bytes); }
static inline pfn_t paddr_to_pfn(paddr_t pa) { return paddr_value(pa) >> PAGE_SHIFT; }
static inline paddr_t pfn_to_paddr(pfn_t pfn) { return mk_paddr(pfn << PAGE_SHIFT); }

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define ALIGN_UP(x, a) (((x) + ((__typeof__(x))(a) - 1)) & ~((__typeof__(x))(a) - 1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a) (((x) & ((__typeof__(x))(a) - 1)) == 0)
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))

#define NS_PER_MS 1000000UL
#define NS_PER_S  1000000000UL
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define MIN(a, b)                                                                                  \
    ({                                                                                             \
        __typeof__(a) min_a_ = (a);                                                                \
        __typeof__(b) min_b_ = (b);                                                                \
        min_a_ < min_b_ ? min_a_ : min_b_;                                                         \
    })
#define MAX(a, b)                                                                                  \
    ({                                                                                             \
        __typeof__(a) max_a_ = (a);                                                                \
        __typeof__(b) max_b_ = (b);                                                                \
        max_a_ > max_b_ ? max_a_ : max_b_;                                                         \
    })
