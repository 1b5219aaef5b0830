# SPDX-License-Identifier: MIT
"""The drawing: rows of memory, a legend with totals, an enlarged view of every hole and broken frame, the address
spaces."""

from html import escape

from . import blocks as b
from .blocks import address_text, size_text

WIDTH, ROW, GAP = 1024, 15, 4
LEFT, RIGHT, TOP = 118, 400, 92
FOLD = 22  # height of a folded row
INK, FAINT, PAPER = "#22262a", "#6b7178", "#fbfaf7"
LENS_FRAMES, LENS_CELL, MOST_LENSES = 40, 23, 6
STYLE = f"""
    text {{ font-family: "DejaVu Sans", Verdana, sans-serif; fill: {INK}; }}
    .title {{ font-size: 24px; font-weight: bold; }}
    .sub {{ font-size: 13px; fill: {FAINT}; }}
    .address {{ font-size: 11px; font-family: "DejaVu Sans Mono", monospace; fill: {FAINT}; text-anchor: end; }}
    .head {{ font-size: 15px; font-weight: bold; }}
    .name {{ font-size: 13px; }}
    .number {{ font-size: 13px; text-anchor: end; }}
    .text {{ font-size: 11px; fill: {FAINT}; }}
    .inside {{ font-size: 11px; font-weight: bold; }}
    .block:hover {{ stroke: {INK}; stroke-width: 1.5; }}
"""


class Drawing:
    """Collects elements."""

    def __init__(self):
        self.parts = []

    def rect(self, x, y, width, height, fill, title="", extra=""):
        tip = f"<title>{escape(title)}</title>" if title else ""
        self.parts.append(f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" fill="{fill}"'
                          f"{' ' + extra if extra else ''}>{tip}</rect>")  # fmt: skip

    def text(self, x, y, text, style, extra=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{style}"{" " + extra if extra else ""}>{escape(text)}</text>')

    def line(self, points, colour, width=1.0, extra=""):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}" {extra}/>')


def light(colour):
    """Whether dark text is readable on this colour."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return 0.3 * red + 0.59 * green + 0.11 * blue > 140


# --- rows ------------------------------------------------------------------------------------------
def draw_parts(drawing, row, y, height):
    """One row: its blocks by size, and marks for blocks that are too small to be seen."""
    scale = WIDTH / row.span
    group = None  # neighbours of one kind that are smaller than a pixel

    def flush():
        if group:
            first, end, kind, count, title = group
            tip = title if count == 1 else f"{count} pieces: {kind.name}\nframes {first:#x} to {end - 1:#x}, {size_text(end - first)}"
            drawing.rect(LEFT + (first - row.first) * scale, y, (end - first) * scale, height, kind.colour, tip, 'class="block"')

    for first, end, block in row.parts:
        if (end - first) * scale < 1.5:
            if group and group[2] is block.kind and group[1] == first:
                group = (group[0], end, block.kind, group[3] + 1, group[4])
            else:
                flush()
                group = (first, end, block.kind, 1, block.title)
            continue
        flush()
        group = None
        x, width = LEFT + (first - row.first) * scale, (end - first) * scale
        edge = 'class="block" stroke="#ffffff" stroke-width="0.6"' if width > 4 else 'class="block"'
        drawing.rect(x, y, width, height, block.kind.colour, block.title, edge)
        label = size_text(end - first)
        if width > 8 * len(label) + 10 and block.kind is not b.FREE:
            ink = INK if light(block.kind.colour) else "#ffffff"
            drawing.text(x + 5, y + height / 2 + 4, label, "inside", f'style="fill:{ink}" pointer-events="none"')
    flush()
    for first, end, block in row.parts:
        if block.kind in (b.HOLE, b.POISON):
            draw_mark(drawing, LEFT + ((first + end) / 2 - row.first) * scale, y, block.kind)


def draw_mark(drawing, x, y, kind):
    """A small flag above a block that could be overlooked."""
    drawing.parts.append(f'<path d="M{x:.1f},{y - 0.5:.1f} l-4,-5 h8 z" fill="{kind.colour}"/>')


def draw_rows(drawing, rows):
    """Draw all rows; returns the y below the last one, and each row's y for marks."""
    y, places = TOP, []
    for row in rows:
        height = FOLD if row.rows > 1 else ROW
        drawing.text(LEFT - 8, y + height / 2 + 4, address_text(row.first), "address")
        places.append((row, y, height))
        if row.rows > 1:
            draw_folded(drawing, row, y)
        else:
            draw_parts(drawing, row, y, height)
        y += height + GAP
    return y, places


def draw_folded(drawing, row, y):
    """Several equal rows: drawn as one, with torn edges and its size."""
    block, frames = row.uniform, row.span * row.rows
    title = block.title if block.kind is not b.FREE else f"free\nframes {row.first:#x} to {row.first + frames - 1:#x}"
    drawing.rect(LEFT, y, WIDTH, FOLD, block.kind.colour, title, 'class="block"')
    for edge, way in ((y, 1), (y + FOLD, -1)):
        teeth = "".join(f" l8,{4 * way} l8,{-4 * way}" for _ in range(WIDTH // 16))
        drawing.parts.append(f'<path d="M{LEFT},{edge}{teeth} z" fill="{PAPER}"/>')
    ink = INK if light(block.kind.colour) else "#ffffff"
    part = block.nr_of_all > frames
    what = f"{size_text(frames)} {block.kind.name}" + (f", part of one of {size_text(block.nr_of_all)}" if part else "")
    drawing.text(LEFT + WIDTH / 2, y + FOLD / 2 + 4, f"{what} ({row.rows} rows)", "inside",
                 f'style="fill:{ink};text-anchor:middle" pointer-events="none"')  # fmt: skip


# --- beside and below --------------------------------------------------------------------------------
def draw_legend(drawing, sums, x, y):
    total = sum(frames for kind, frames in sums.items() if kind is not b.ABSENT)
    drawing.text(x, y, "What the words say", "head")
    y += 14
    at = x
    for kind in b.KINDS:  # all of memory as one bar
        width = sums[kind] / total * (RIGHT - 40)
        if width:
            drawing.rect(at, y, width, 12, kind.colour, f"{kind.name}: {size_text(sums[kind])}", 'class="block"')
        at += width
    y += 36
    for kind in b.KINDS:
        if not sums[kind]:
            continue
        drawing.rect(x, y - 11, 15, 15, kind.colour, "", 'rx="2" stroke="#00000033"')
        drawing.text(x + 24, y, kind.name, "name")
        drawing.text(x + 262, y, size_text(sums[kind]), "number")
        share = 100 * sums[kind] / total
        drawing.text(x + RIGHT - 40, y, f"{sums[kind]:,} frame{'s' * (sums[kind] > 1)}" if share < 0.05 else f"{share:.1f} %", "number")
        drawing.text(x + 24, y + 14, kind.text, "text")
        y += 36
    drawing.text(x + 24, y + 2, "together", "name")
    drawing.text(x + 262, y + 2, size_text(total), "number")
    return y + 44


def draw_spaces(drawing, walk, x, y):
    """The address spaces, and how much each maps."""
    drawing.text(x, y, "Address spaces", "head")
    y += 26
    for space in sorted(walk.spaces, key=lambda space: (space.kind != "kernel", space.kind != "user", space.name)):
        frames = sum(run.frames for run in walk.runs if run.space is space)
        blocks = sum(run.nr for run in walk.runs if run.space is space and run.level)
        together = sum(run.nr for run in walk.runs if run.space is space and not run.level and run.flags.contiguous)
        tables = sum(table.space is space for table in walk.tables)
        drawing.text(x, y, space.name, "name")
        drawing.text(x + RIGHT - 40, y, size_text(frames) + " mapped", "number")
        extra = (f", {blocks} blocks" if blocks else "") + (f", {together} contiguous entries" if together else "")
        drawing.text(x, y + 14, f"{tables} page tables{extra}", "text")
        y += 35
    return y + 10


def draw_lens(drawing, picture, walk, blocks, block, x, y):
    """The frames around a hole or a broken frame, one cell each."""
    first = max(0, (block.first + block.end - LENS_FRAMES) // 2)
    by_frame = {}
    for other in blocks:
        if other.first < first + LENS_FRAMES and first < other.end:
            for pfn in range(max(first, other.first), min(other.end, first + LENS_FRAMES)):
                by_frame[pfn] = other
    where = sorted({f"{run.space.name} at {run.virtual + (max(block.first, run.pfn) - run.pfn) * b.PAGE:#x}" for run in walk.runs
                    if run.space.kind != "kernel" and run.pfn < block.end and block.first < run.pfn + run.frames})  # fmt: skip
    drawing.text(x, y, block.title.split("\n")[0], "name")
    drawing.text(x, y + 15, "mapped by " + ", ".join(where) if where else "mapped by nobody", "text")
    for i in range(LENS_FRAMES):
        other = by_frame.get(first + i)
        if other:
            drawing.rect(x + i * LENS_CELL, y + 23, LENS_CELL - 2, 21, other.kind.colour,
                         f"frame {first + i:#x}\n{other.title}", 'class="block" rx="2"')  # fmt: skip
    drawing.text(x, y + 58, f"frame {first:#x}", "text")
    drawing.text(x + LENS_FRAMES * LENS_CELL, y + 58, f"frame {first + LENS_FRAMES - 1:#x}", "text", 'style="text-anchor:end"')
    return y + 92


def draw(picture, walk, what):
    """The whole drawing as text; `what` names the programs that run."""
    users = b.users_of(picture, walk)
    blocks = b.blocks_of(picture, users)
    folio_frames(picture, blocks)
    rows, sums = b.rows_of(blocks), b.totals(blocks)
    drawing = Drawing()
    total = sum(frames for kind, frames in sums.items() if kind is not b.ABSENT)
    drawing.text(LEFT, 40, f"Physical memory of {picture.format.name}", "title")
    drawing.text(LEFT, 64, f"{picture.root.build}, {size_text(total)}, {picture.root.nr_cpus} CPUs; {what}. A full row is "
                 f"{size_text(rows[0].span)}; rows of one thing are folded. Point at a block to read what it is.", "sub")
    # fmt: skip
    below, _ = draw_rows(drawing, rows)
    x = LEFT + WIDTH + 36
    side = draw_legend(drawing, sums, x, TOP + 4)
    side = draw_spaces(drawing, walk, x, side)
    marked = [block for block in blocks if block.kind in (b.HOLE, b.POISON)]
    y = below + 28
    if marked:
        drawing.text(LEFT, y, "Through the lens: one cell for each frame", "head")
        y += 30
    for block in marked[:MOST_LENSES]:
        y = draw_lens(drawing, picture, walk, blocks, block, LEFT, y)
    if len(marked) > MOST_LENSES:
        drawing.text(LEFT, y, f"and {len(marked) - MOST_LENSES} more holes and broken frames", "text")
        y += 20
    height, width = max(y, side) + 16, LEFT + WIDTH + RIGHT + 20
    head = (f'<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
            f'height="{height:.0f}" viewBox="0 0 {width} {height:.0f}">\n<style>{STYLE}</style>\n'
            f'<rect width="100%" height="100%" fill="{PAPER}"/>\n')  # fmt: skip
    return head + "\n".join(drawing.parts) + "\n</svg>\n"


def folio_frames(picture, blocks):
    """The size of the whole object that a block is a part of: a folio with a hole is several blocks."""
    for block in blocks:
        folio = picture.words.folio_behind(block.thing) if isinstance(block.thing, int) and block.kind is not b.FREE else None
        block.nr_of_all = folio.end - folio.pfn if folio else block.nr
