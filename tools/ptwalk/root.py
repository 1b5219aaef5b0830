# SPDX-License-Identifier: MIT
"""struct inspect_root and struct inspect_uv of the kernel (include/quire/inspect.h), field by field."""

import struct

MAGIC = 0x5155495245303031
VERSION = 4

FIELDS = """
    magic version build
    words first end direct_map_base image_offset percpu percpu_size nr_cpus
    events event_size event_ring event_next kernel_root results results_size
    folio_size folio_pfn folio_order folio_refs folio_map_count hole_first hole_nr
    nr_frames user_top kvmap_base kvmap_size folio_flags
    hole_refs hole_saved hole_folio hole_map_count hole_kind
    poison_pfn poison_saved
    ptdesc_level ptdesc_order ptdesc_fragments ptdesc_pfn ptdesc_mm ptdesc_deposits early_ptdesc
    mm_table processes process_link process_id process_name process_mm
    uv checkpoint checkpoint_even checkpoint_odd
    shadow_first shadow_nr shadow_distance
""".split()
FORM = "QQ64s" + "Q" * (len(FIELDS) - 3)

UV_FIELDS = """
    guests guest_size nr_guests guest_state guest_dead frames frame_size
    state_secure state_shared state_unsharing spaces space_size space_table
""".split()
UV_FORM = "Q" * len(UV_FIELDS)


class WrongRoot(Exception):
    """The memory there is no struct inspect_root that this program understands."""


def frame_of_shadow(root, pfn):
    """The frame itself, or if it is a shadow, the frame that it is the shadow of (ICACHE=stale: users execute from
    shadows)."""
    frame = pfn - root.shadow_distance
    return frame if root.shadow_first <= frame < root.shadow_first + root.shadow_nr else pfn


class Record:
    """A struct's fields as attributes."""

    def __init__(self, names, values):
        self.__dict__.update(zip(names, values))


def read_root(data, order):
    """struct inspect_root from its bytes."""
    root = Record(FIELDS, struct.unpack_from(order + FORM, data))
    if root.magic != MAGIC:
        raise WrongRoot("no struct inspect_root where the kernel's file says: is it another kernel that runs?")
    if root.version != VERSION:
        raise WrongRoot(f"struct inspect_root has version {root.version}, this program knows {VERSION}")
    if not root.words:
        raise WrongRoot("the kernel hasn't come as far as to describe itself: let it boot first")
    root.build = root.build.split(b"\0")[0].decode()
    return root


def root_bytes(order):
    return struct.calcsize(order + FORM)


def uv_bytes():
    return struct.calcsize("=" + UV_FORM)


def read_uv(data, order):
    """struct inspect_uv from its bytes."""
    return Record(UV_FIELDS, struct.unpack_from(order + UV_FORM, data))
