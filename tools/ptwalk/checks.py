# SPDX-License-Identifier: MIT
"""Rules between page tables and words. One function for each rule; each yields complaints.

A complaint says what broke, in which address space, at which address, what the entry says and what the frame's word
says. Its key stays the same if the next look finds the same complaint again.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from . import words as w
from .formats import LEAF, TABLE
from .memory import NotRead
from .walk import PAGE


@dataclass
class Complaint:
    """One broken promise."""

    check: str
    key: tuple
    text: str
    details: list = field(default_factory=list)


def entry_text(run, i=0):
    """Entry number i of a run, in words."""
    virtual = run.virtual + i * run.span * PAGE
    where = "page entry" if run.level == 0 else f"block entry of level {run.level}"
    return f"{run.space}, address {virtual:#x}: {where} {run.flags} for frame {run.pfn + i * run.span:#x}"


def frame_complaint(check, picture, run, frame, text):
    """About the entry of a run that shows this frame."""
    i = (frame - run.pfn) // run.span
    details = [entry_text(run, i), f"the run of {run.nr} entries begins with {run.entry:#x} in the table at {run.table:#x}",
               picture.words.describe(frame)]  # fmt: skip
    return Complaint(check, (check, run.space.root, run.virtual + (frame - run.pfn) * PAGE, frame), text, details)


# --- frames in user space ------------------------------------------------------------------------
def parts(words, run):
    """A run cut where words change: (first frame, frames)."""
    pfn, end = run.pfn, run.pfn + run.frames
    while pfn < end:
        nr = words.same(pfn, end - pfn)
        yield pfn, nr
        pfn += nr


def check_owner(picture, walk):
    """User space maps only frames of folios, of shared holes, and the page of zeros, within their bounds."""
    words = picture.words
    for run in walk.runs:
        if run.space.kind == "kernel":
            continue
        for pfn, nr in parts(words, run):
            word = words.read(pfn)
            wrong = what_is_wrong(picture, run, pfn, nr, word)
            if wrong:
                yield frame_complaint("owner", picture, run, pfn, wrong)


def what_is_wrong(picture, run, pfn, nr, word):
    """Why these frames must not be mapped there; None: they may."""
    kind, words = w.type_of(word), picture.words
    guest = run.space.kind == "guest"
    try:
        if kind == w.BUDDY:
            return "a free frame is mapped: whoever gets it next shares it with this address space"
        if kind == w.FOLIO:
            folio = words.folio(w.pointer_of(word))
            if pfn < folio.pfn or pfn + nr > folio.end:
                return "a frame is mapped whose word names a folio that it isn't in"
            if bool(folio.flags & w.SECURE) != guest:
                return "a guest's secret frame is mapped by the host" if not guest else "a guest's frame isn't secure"
            if folio.refs == 0:
                return "a frame of a folio is mapped to which nobody holds a reference"
            return None
        if kind == w.HOLE:
            hole = words.hole(w.pointer_of(word))
            if pfn < hole.pfn or pfn + nr > hole.end:
                return "a frame is mapped whose word names a hole that it isn't in"
            if hole.kind != w.HOLE_INSECURE:
                return "a frame in a hole that nobody may use is mapped"
            return None
        if kind == w.HWPOISON:
            return "a broken frame is mapped"
    except NotRead:
        return "a frame is mapped whose word points to no descriptor"
    if kind == w.MISC and w.misc_of(word) == w.ZERO:
        return "the page of zeros is mapped writable" if run.flags.write else None
    return "a frame is mapped that belongs to no folio: it is the kernel's, or none at all"


def check_counts(picture, walk):
    """Each folio and hole is mapped as often as it says, and has a reference for each mapping."""
    words, found = picture.words, Counter()
    for run in walk.runs:
        if run.space.kind == "user":
            for pfn, nr in parts(words, run):
                word = words.read(pfn)
                if w.type_of(word) in (w.FOLIO, w.HOLE):
                    found[word] += nr
    for word in {word for _, _, word in words.runs if w.type_of(word) in (w.FOLIO, w.HOLE)}:
        try:
            thing = words.folio(w.pointer_of(word)) if w.type_of(word) == w.FOLIO else words.hole(w.pointer_of(word))
        except NotRead:
            continue  # check_words reports this
        if thing.map_count != found[word]:
            details = [str(thing)] + mapped_where(words, walk, thing)
            yield Complaint("map count", ("map count", word, thing.map_count, found[word]),
                            f"{thing.map_count} mappings are counted, {found[word]} are found", details)  # fmt: skip
        if thing.map_count > thing.refs:
            yield Complaint("references", ("references", word), "more mappings than references: a put too many, or a "
                            "mapping without a reference", [str(thing)])  # fmt: skip


def mapped_where(words, walk, thing):
    """Where the frames of a folio or hole are mapped, in a few lines."""
    lines = [entry_text(run) + (f" and {run.nr - 1} more" if run.nr > 1 else "") for run in walk.runs
             if run.space.kind == "user" and thing.pfn < run.pfn + run.frames and run.pfn < thing.end]  # fmt: skip
    return lines[:4] + ([f"and {len(lines) - 4} more runs of entries"] if len(lines) > 4 else [])


# --- permissions -----------------------------------------------------------------------------------
def check_permissions(picture, walk):
    """Nothing is both writable and executable; users' entries are for users, the kernel's are not."""
    for run in walk.runs:
        if run.flags.accessible and run.flags.write and run.flags.execute:
            yield frame_complaint("write or execute", picture, run, run.pfn, "memory is both writable and executable")
        if run.flags.user != (run.space.kind != "kernel"):
            yield frame_complaint("user bit", picture, run, run.pfn, "a user's entry is the kernel's alone"
                                  if run.space.kind != "kernel" else "user mode may use the kernel's memory")  # fmt: skip


# --- tables ------------------------------------------------------------------------------------------
def check_tables(picture, walk):
    """Every table lies in a frame whose word says "page table", has the level at which it is used, and is used once."""
    words, used = picture.words, {}
    for table in walk.tables:
        where = f"{table.space}: table of level {table.level} at {table.address:#x}, for addresses from {table.virtual:#x} on"
        word = words.read(table.address // PAGE)
        if table.address in used:
            yield Complaint("table twice", ("table twice", table.address, table.space.root),
                            "one page table is used in two places", [where, used[table.address]])  # fmt: skip
        used[table.address] = where
        wanted = w.UV if table.space.kind == "guest" else w.PTDESC
        if w.type_of(word) != wanted:
            yield Complaint("table word", ("table word", table.address), f"a page table's frame must say {w.NAMES[wanted]}",
                            [where, words.describe(table.address // PAGE)])  # fmt: skip
        elif wanted == w.PTDESC and w.pointer_of(word) != picture.root.early_ptdesc:
            yield from check_ptdesc(picture, table, word, where)
    for space, virtual, level, entry in walk.astray:
        address = picture.format.table_address(entry, level)
        yield Complaint("table word", ("astray", space.root, virtual), "an entry points to a table that is none",
                        [f"{space}, address {virtual:#x}: entry {entry:#x} of level {level}, table at {address:#x}",
                         words.describe(address // PAGE)])  # fmt: skip
    yield from check_unused_tables(picture, used)


def check_ptdesc(picture, table, word, where):
    level, mm = picture.words.ptdesc(w.pointer_of(word))
    if level != table.level:
        yield Complaint("table level", ("table level", table.address), f"the table's descriptor says level {level}", [where])
    owner = table.space.mm
    if table.space.kind == "kernel" and mm or owner and table.level < picture.format.top and mm != owner:
        yield Complaint("table owner", ("table owner", table.address),
                        "the table's descriptor names another address space", [where])  # fmt: skip


def check_unused_tables(picture, used):
    """A page-table frame, or a part of one in use, that no walk came to is lost."""
    seen, kept = set(), set_aside(picture)
    for pfn, nr, word in picture.words.runs:
        if w.type_of(word) != w.PTDESC or w.pointer_of(word) == picture.root.early_ptdesc:
            continue
        address = picture.physical(w.pointer_of(word))
        level, _ = picture.words.ptdesc(w.pointer_of(word))
        size = picture.format.table_bytes(level)
        fragments = picture.memory.number(address + picture.root.ptdesc_fragments, 2) if size < PAGE else 1
        tables = [pfn * PAGE + i * size for i in range(16) if fragments >> i & 1]
        if word in seen:
            continue  # a table of several frames: the first one is its address
        seen.add(word)
        for table in tables:
            if table not in used and table not in kept:
                yield Complaint("table lost", ("table lost", table), "a page table is used by no address space: it is lost",
                                [f"table of level {level} at {table:#x}", picture.words.describe(pfn)])  # fmt: skip


def set_aside(picture):
    """Tables kept for blocks that may have to be split: a chain at the descriptor of the block's table (mm/holes/block.c)."""
    kept = set()
    for word in {word for _, _, word in picture.words.runs if w.type_of(word) == w.PTDESC}:
        link = picture.pointer(w.pointer_of(word) + picture.root.ptdesc_deposits)
        while link and picture.physical(link) not in kept:
            kept.add(picture.physical(link))
            link = picture.pointer(link)
    return kept


def check_kernel_halves(picture, walk):
    """If one root serves both halves, each user's copy of the kernel's half equals the kernel's."""
    form = picture.format
    if not form.shared_half:
        return
    own = picture.memory.table(picture.root.kernel_root, form.entries(form.top))[form.user_half :]
    for space, half in walk.kernel_halves:
        for i, (seen, expected) in enumerate(zip(half, own)):
            if seen != expected:
                yield Complaint("kernel half", ("kernel half", space.root, i), "a copy of the kernel's part of the top "
                                "table differs from the kernel's", [f"{space}: entry {form.user_half + i} is {seen:#x}, "
                                f"the kernel's is {expected:#x}"])  # fmt: skip


def check_roots(picture, walk):
    """Each CPU's root is one of the address spaces, or the empty table of the image."""
    spaces = {space.root: space for space in walk.spaces}
    for register, values in picture.registers.items():
        use, table_of = picture.format.registers[register]
        for cpu, value in enumerate(values):
            root = table_of(value)
            word = picture.words.read(root // PAGE)
            empty = w.type_of(word) == w.MISC and w.misc_of(word) == w.IMAGE and table_is_empty(picture, root)
            if use == "ignored" or root in spaces or empty:
                continue
            yield Complaint("root", ("root", register, cpu), f"CPU {cpu} translates with a table of no address space",
                            [f"register {register} is {value:#x}: table at {root:#x}", picture.words.describe(root // PAGE)])
            # fmt: skip


def table_is_empty(picture, address):
    form = picture.format
    entries = picture.memory.table(address, 512)
    return not any(form.kind(entry, form.top) in (LEAF, TABLE) for entry in entries)


# --- secrets ---------------------------------------------------------------------------------------------
def check_secrets(picture, walk):
    """A frame of a secure folio is in the direct map exactly when it is in a hole that its guest shared."""
    words, root = picture.words, picture.root
    secure = []  # (first, frames, in the direct map?)
    for pfn, nr, word in words.runs:
        if w.type_of(word) not in (w.FOLIO, w.HOLE, w.HWPOISON):
            continue
        try:
            folio = words.folio_behind(word)
        except NotRead:
            continue
        if folio and folio.flags & w.SECURE and w.type_of(word) != w.HWPOISON:
            secure.append((pfn, nr, w.type_of(word) == w.HOLE))
    if not secure:
        return
    seen = direct_map_runs(root, walk)
    for pfn, nr, shown in secure:
        there = [run for run in seen if run.pfn < pfn + nr and pfn < run.pfn + run.frames]
        if not shown:
            for run in there:
                yield frame_complaint("secret", picture, run, max(run.pfn, pfn),
                                      "a guest's secret frame is in the kernel's direct map")  # fmt: skip
        elif sum(min(run.pfn + run.frames, pfn + nr) - max(run.pfn, pfn) for run in there) < nr:
            yield Complaint("shared", ("shared", pfn), "a frame that a guest shared is absent from the direct map",
                            [words.describe(pfn)])  # fmt: skip


def direct_map_runs(root, walk):
    base = root.direct_map_base
    return [run for run in walk.runs if run.space.kind == "kernel" and run.virtual - base == run.pfn * PAGE]


# --- words ------------------------------------------------------------------------------------------------
def check_words(picture, walk):
    """Words are consistent: known types, and descriptors in slab frames that name the frame whose word points to
    them."""
    words, total = picture.words, 0
    for pfn, nr, word in words.runs:
        kind = w.type_of(word)
        total += 0 if kind == w.MISC and w.misc_of(word) == w.ABSENT else nr
        if kind >= len(w.NAMES):
            yield Complaint("word", ("word", pfn), "a word of an unknown type", [words.describe(pfn)])
        if kind not in (w.FOLIO, w.HOLE):
            continue
        try:
            home = words.read(picture.physical(w.pointer_of(word)) // PAGE)
            thing = words.folio(w.pointer_of(word)) if kind == w.FOLIO else words.hole(w.pointer_of(word))
        except NotRead:
            home, thing = None, None
        if home is None or w.type_of(home) != w.SLAB:
            yield Complaint("word", ("word", pfn), "a word points to no descriptor", [words.describe(pfn)])
        elif pfn < thing.pfn or pfn + nr > thing.end:
            yield Complaint("word", ("word", pfn), f"{nr} frames say that they belong to something that they aren't in",
                            [words.describe(pfn)])  # fmt: skip
    if total != picture.root.nr_frames:
        yield Complaint("books", ("books",), f"the words tell of {total} frames, the machine has {picture.root.nr_frames}")


CHECKS = (check_words, check_tables, check_kernel_halves, check_roots, check_owner, check_counts, check_permissions,
          check_secrets)  # fmt: skip


def check_all(picture, walk):
    """All complaints."""
    return [complaint for check in CHECKS for complaint in check(picture, walk)]


def tell(complaints, most=5):
    """Complaints as lines; of each kind at most `most` in full."""
    lines, kinds = [], defaultdict(list)
    for complaint in complaints:
        kinds[complaint.check].append(complaint)
    for check, group in kinds.items():
        for complaint in group[:most]:
            lines += [f"{check}: {complaint.text}", *("  " + line for line in complaint.details)]
        if len(group) > most:
            lines.append(f"{check}: and {len(group) - most} more")
    return lines
