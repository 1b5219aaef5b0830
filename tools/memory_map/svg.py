# SPDX-License-Identifier: MIT
"""The drawing: rows of memory, an enlarged view of every hole and broken frame, a legend with totals, the address
spaces. It follows the reader's choice of a light or a dark page. Colour is never the only sign: each block has a name,
or a letter of the legend inside or below it; secret folios, holes and broken frames have patterns, too."""

from html import escape

from . import blocks as b
from .blocks import address_text, size_text

WIDTH, ROW, GAP = 768, 18, 4
LEFT, RIGHT, TOP = 100, 24, 92
FOLD, STRIP = 24, 11  # heights: a folded row, the letters below a row
COLUMNS, COLUMN = 3, 260
CHARACTER, LETTER = 7.6, 8  # widths at most: in the text of a block; of a letter with its distance
LENS_FRAMES, LENS_CELL, MOST_LENSES = 32, 24, 6
PATTERNS = (b.SECRET, b.HOLE, b.POISON)
SKINS = {  # light page, dark page: paper, ink, faint ink, free memory
    "light": ("#fbfaf7", "#22262a", "#6b7178", "#e6ece3"),
    "dark": ("#14171a", "#e8eaec", "#a2a9b0", "#2b3136"),
}
STYLE = """
    text { font-family: "DejaVu Sans", Verdana, sans-serif; }
    .title { font-size: 22px; font-weight: bold; }
    .sub, .name, .number { font-size: 13px; }
    .address { font-size: 11px; font-family: "DejaVu Sans Mono", monospace; text-anchor: end; }
    .head { font-size: 15px; font-weight: bold; }
    .number, .end { text-anchor: end; }
    .text { font-size: 12px; }
    .inside { font-size: 12px; font-weight: bold; pointer-events: none; }
    .middle-of { text-anchor: middle; }
    .below { font-size: 10px; font-weight: bold; text-anchor: middle; }
    .on-light { fill: #22262a; }
    .on-dark { fill: #ffffff; }
    .sign { pointer-events: none; }
"""
DEFINITIONS = f"""<defs>
<pattern id="secret" width="6" height="6" patternUnits="userSpaceOnUse"><circle cx="3" cy="3" r="0.9" fill="#fff" \
fill-opacity="0.35"/></pattern>
<pattern id="hole" width="6" height="6" patternUnits="userSpaceOnUse"><path d="M-1,7 l8,-8 M-1,1 l2,-2 M5,7 l2,-2" \
stroke="#000" stroke-opacity="0.4"/></pattern>
<pattern id="poison" width="6" height="6" patternUnits="userSpaceOnUse"><path d="M0,0 l6,6 M6,0 l-6,6" stroke="#fff" \
stroke-opacity="0.45"/></pattern>
<path id="teeth" d="M0,0{" l8,4 l8,-4" * (WIDTH // 16)} z"/>
</defs>
"""


def style_text():
    """The style: colours of the kinds, and those that follow the page."""
    skins = {}
    for name, (paper, ink, faint, free) in SKINS.items():
        skins[name] = (f"text, .mark {{ fill: {ink}; }} .sub, .address, .text {{ fill: {faint}; }} "
                       f".paper {{ fill: {paper}; }} .edge {{ stroke: {paper}; stroke-width: 0.8; }} "
                       f".free {{ fill: {free}; }} .block:hover {{ stroke: {ink}; stroke-width: 1.5; }}")  # fmt: skip
    kinds = " ".join(f".{kind.key} {{ fill: {kind.colour}; }}" for kind in b.KINDS if kind is not b.FREE)
    return (f"{skins['light']}\n    {kinds}{STYLE}    @media (prefers-color-scheme: dark) {{ {skins['dark']} "
            ".on-light { fill: #22262a; } .on-dark { fill: #ffffff; } }\n")  # fmt: skip


class Drawing:
    """Collects elements."""

    def __init__(self):
        self.parts = []

    def rect(self, x, y, width, height, style, title="", extra=""):
        tip = f"<title>{escape(title)}</title>" if title else ""
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" class="{style}"'
                          f"{' ' + extra if extra else ''}>{tip}</rect>")  # fmt: skip

    def text(self, x, y, text, style):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{style}">{escape(text)}</text>')

    def block(self, x, y, width, height, kind, title, edge=""):
        """A rectangle of a kind, with its pattern."""
        self.rect(x, y, width, height, f"block {kind.key}{edge}", title)
        if kind in PATTERNS:
            self.rect(x, y, width, height, "sign", "", f'fill="url(#{kind.key})"')


def ink(kind):
    """The class of text on this kind's colour."""
    if kind is b.FREE:
        return ""  # follows the page
    red, green, blue = (int(kind.colour[i : i + 2], 16) for i in (1, 3, 5))
    return " on-light" if 0.3 * red + 0.59 * green + 0.11 * blue > 125 else " on-dark"


# --- rows ------------------------------------------------------------------------------------------
def whole_of(block, frames):
    """Says what a part is a part of."""
    return f" of {size_text(block.nr_of_all)}" if block.nr_of_all > frames and block.kind is not b.FREE else ""


def label_of(block, frames, width):
    """The longest name that fits; "": not even the letter does."""
    kind, size, whole = block.kind, size_text(frames), whole_of(block, frames)
    names = (f"{kind.one}, {size}{whole}", f"{kind.one}, {size}", kind.one, kind.letter)
    fitting = (name for name in names if len(name) * CHARACTER + (2 if len(name) < 2 else 10) <= width)
    return next(fitting, "")


class SmallOnes:
    """Neighbours of one kind that are smaller than a pixel: drawn as one block."""

    def __init__(self, first, end, block):
        self.first, self.end, self.kind, self.title, self.count = first, end, block.kind, block.title, 1

    def add(self, first, end, block):
        if block.kind is not self.kind or first != self.end:
            return False
        self.end, self.count = end, self.count + 1
        if self.count > 1:
            frames = f"frames {self.first:#x} to {end - 1:#x}, {size_text(end - self.first)}"
            self.title = f"{self.count} pieces: {self.kind.name}\n{frames}"
        return True


def pieces_of(row, scale):
    """What is drawn of a row: (first, end, kind, title, block or None)."""
    pieces, small = [], None
    for first, end, block in row.parts:
        if (end - first) * scale >= 1.5:
            pieces.append((first, end, block.kind, block.title, block))
            small = None
        elif not (small and small.add(first, end, block)):
            small = SmallOnes(first, end, block)
            pieces.append(small)
    return [(p.first, p.end, p.kind, p.title, None) if isinstance(p, SmallOnes) else p for p in pieces]


def draw_parts(drawing, row, y):
    """One row: its blocks by size, with their names. Returns the height that it takes."""
    scale = WIDTH / row.span
    nameless = []  # centre, kind
    for first, end, kind, title, block in pieces_of(row, scale):
        x, width = LEFT + (first - row.first) * scale, (end - first) * scale
        drawing.block(x, y, width, ROW, kind, title, " edge" if width > 2.5 else "")
        label = label_of(block, end - first, width) if block else ""
        if len(label) > 1:
            drawing.text(x + 5, y + ROW / 2 + 4, label, "inside" + ink(kind))
        elif label:
            drawing.text(x + width / 2, y + ROW / 2 + 4, label, "inside middle-of" + ink(kind))
        elif kind.letter:
            nameless.append((x + width / 2, kind))
    return ROW + (draw_letters(drawing, nameless, y + ROW) if nameless else 0)


def draw_letters(drawing, nameless, y):
    """Below a row: the letters of the blocks that are too narrow. Letters that would touch move to the side; of
    neighbours of one kind without a place of their own one letter is enough."""
    places = []
    for centre, kind in nameless:
        if places and centre - places[-1][0] < LETTER:
            if places[-1][1] is kind:
                continue
            centre = places[-1][0] + LETTER
        places.append((centre, kind))
    shift = max(0, places[-1][0] - (LEFT + WIDTH - 4))
    for at in range(len(places) - 1, -1, -1):  # push back what stands beyond the end
        centre, kind = places[at]
        limit = LEFT + WIDTH - 4 if at == len(places) - 1 else places[at + 1][0] - LETTER
        places[at] = (min(centre, limit) if shift else centre, kind)
    for centre, kind in places:
        drawing.text(centre, y + 9, kind.letter, "below")
    return STRIP


def draw_mark(drawing, x, y):
    """A small flag above a block that could be overlooked."""
    drawing.parts.append(f'<path d="M{x:.1f},{y - 0.5:.1f} l-4,-5 h8 z" class="mark"/>')


def draw_rows(drawing, rows):
    """Draw all rows; returns the y below the last one."""
    y = TOP
    for row in rows:
        height = FOLD if row.rows > 1 else ROW
        drawing.text(LEFT - 8, y + height / 2 + 4, address_text(row.first), "address")
        if row.rows > 1:
            draw_folded(drawing, row, y)
        else:
            height = draw_parts(drawing, row, y)
            for first, end, block in row.parts:
                if block.kind in (b.HOLE, b.POISON):
                    draw_mark(drawing, LEFT + ((first + end) / 2 - row.first) * WIDTH / row.span, y)
        y += height + GAP
    return y


def draw_folded(drawing, row, y):
    """Several equal rows: drawn as one, with torn edges and its size."""
    block, frames = row.uniform, row.span * row.rows
    title = block.title if block.kind is not b.FREE else f"free\nframes {row.first:#x} to {row.first + frames - 1:#x}"
    drawing.block(LEFT, y, WIDTH, FOLD, block.kind, title)
    for place in (f"translate({LEFT},{y})", f"translate({LEFT},{y + FOLD}) scale(1,-1)"):
        drawing.parts.append(f'<use href="#teeth" class="paper" transform="{place}"/>')
    whole = f"{', part of one' if whole_of(block, frames) else ''}{whole_of(block, frames)}"
    drawing.text(LEFT + WIDTH / 2, y + FOLD / 2 + 4, f"{block.kind.one}, {size_text(frames)}{whole} ({row.rows} rows)",
                 "inside middle-of" + ink(block.kind))  # fmt: skip


# --- below -------------------------------------------------------------------------------------------
def in_columns(entries, y, height):
    """Places for entries that stand in columns, read downward: (entry, x, y), and the y below them."""
    lines = -(-len(entries) // COLUMNS)
    places = [(entry, LEFT + i // lines * COLUMN, y + i % lines * height) for i, entry in enumerate(entries)]
    return places, y + lines * height


def draw_legend(drawing, sums, y):
    total = sum(frames for kind, frames in sums.items() if kind is not b.ABSENT)
    drawing.text(LEFT, y, f"What the words say: {size_text(total)} together", "head")
    at = LEFT
    for kind in b.KINDS:  # all of memory as one bar
        width = sums[kind] / total * WIDTH
        if width:
            drawing.block(at, y + 12, width, 12, kind, f"{kind.name}: {size_text(sums[kind])}")
        at += width
    places, below = in_columns([kind for kind in b.KINDS if sums[kind]], y + 50, 38)
    for kind, x, top in places:
        drawing.block(x, top - 13, 18, 18, kind, kind.name)
        drawing.text(x + 9, top, kind.letter, "inside middle-of" + ink(kind))
        drawing.text(x + 26, top, kind.name, "name")
        drawing.text(x + COLUMN - 14, top, size_text(sums[kind]), "number")
        drawing.text(x + 26, top + 15, kind.text, "text")
    return below + 14


def draw_spaces(drawing, walk, y):
    """The address spaces, and how much each maps."""
    drawing.text(LEFT, y, "Address spaces", "head")
    spaces = sorted(walk.spaces, key=lambda space: (space.kind != "kernel", space.kind != "user", space.name))
    places, below = in_columns(spaces, y + 24, 50)
    for space, x, top in places:
        runs = [run for run in walk.runs if run.space is space]
        blocks = sum(run.nr for run in runs if run.level)
        together = sum(run.nr for run in runs if not run.level and run.flags.contiguous)
        tables = sum(table.space is space for table in walk.tables)
        drawing.text(x, top, space.name, "name")
        drawing.text(x, top + 15, f"{size_text(sum(run.frames for run in runs))} mapped, {tables} page tables", "text")
        extra = [f"{blocks} blocks"] * bool(blocks) + [f"{together} contiguous entries"] * bool(together)
        drawing.text(x, top + 30, ", ".join(extra), "text")
    return below + 4


def lens_titles(walk, block):
    """What the block is, and who maps it."""
    where = sorted({f"{run.space.name} at {run.virtual + (max(block.first, run.pfn) - run.pfn) * b.PAGE:#x}" for run in walk.runs
                    if run.space.kind != "kernel" and run.pfn < block.end and block.first < run.pfn + run.frames})  # fmt: skip
    what, _, rest = block.title.split("\n")[0].partition(") in ")
    return [what + ")" * bool(rest)] + ["in " + rest] * bool(rest) + ["mapped by " + (", ".join(where) or "nobody")]


def draw_lens(drawing, walk, blocks, block, y):
    """The frames around a hole or a broken frame, one cell each."""
    first = max(0, (block.first + block.end - LENS_FRAMES) // 2)
    by_frame = {}
    for other in blocks:
        for pfn in range(max(first, other.first), min(other.end, first + LENS_FRAMES)):
            by_frame[pfn] = other
    for i, title in enumerate(lens_titles(walk, block)):
        drawing.text(LEFT, y, title, "text" if i else "name")
        y += 15
    for i in range(LENS_FRAMES):
        other = by_frame.get(first + i)
        if other:
            x = LEFT + i * LENS_CELL
            drawing.block(x, y - 6, LENS_CELL - 2, 21, other.kind, f"frame {first + i:#x}\n{other.title}")
            drawing.text(x + LENS_CELL / 2 - 1, y + 9, other.kind.letter, "inside middle-of" + ink(other.kind))
    drawing.text(LEFT, y + 30, f"frame {first:#x}", "text")
    drawing.text(LEFT + LENS_FRAMES * LENS_CELL, y + 30, f"frame {first + LENS_FRAMES - 1:#x}", "text end")
    return y + 60


def draw_lenses(drawing, walk, blocks, y):
    marked = [block for block in blocks if block.kind in (b.HOLE, b.POISON)]
    if marked:
        drawing.text(LEFT, y, "Through the lens: one cell for each frame", "head")
        y += 26
    for block in marked[:MOST_LENSES]:
        y = draw_lens(drawing, walk, blocks, block, y)
    if len(marked) > MOST_LENSES:
        drawing.text(LEFT, y, f"and {len(marked) - MOST_LENSES} more holes and broken frames", "text")
        y += 28
    return y


def draw(picture, walk, what):
    """The whole drawing as text; `what` names the programs that run."""
    blocks = b.blocks_of(picture, b.users_of(picture, walk))
    folio_frames(picture, blocks)
    rows, sums = b.rows_of(blocks), b.totals(blocks)
    drawing = Drawing()
    total = sum(frames for kind, frames in sums.items() if kind is not b.ABSENT)
    drawing.text(LEFT, 36, f"Physical memory of {picture.format.name}", "title")
    drawing.text(LEFT, 58, f"{picture.root.build}, {size_text(total)}, {picture.root.nr_cpus} CPUs; {what}. A full row is "
                 f"{size_text(rows[0].span)}.", "sub")  # fmt: skip
    drawing.text(LEFT, 76, "Rows of one thing are folded. Narrow blocks have the legend's letters, inside or below. "
                 "Point at a block to read more.", "text")  # fmt: skip
    y = draw_rows(drawing, rows) + 28
    y = draw_lenses(drawing, walk, blocks, y)
    y = draw_legend(drawing, sums, y)
    height, width = draw_spaces(drawing, walk, y), LEFT + WIDTH + RIGHT
    head = (f'<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
            f'height="{height:.0f}" viewBox="0 0 {width} {height:.0f}">\n<!-- SPDX-License-Identifier: MIT -->\n'
            f"<style>\n    {style_text()}</style>\n{DEFINITIONS}"
            '<rect width="100%" height="100%" class="paper"/>\n')  # fmt: skip
    return head + "\n".join(drawing.parts) + "\n</svg>\n"


def folio_frames(picture, blocks):
    """The size of the whole object that a block is a part of: a folio with a hole is several blocks."""
    for block in blocks:
        folio = picture.words.folio_behind(block.thing) if isinstance(block.thing, int) and block.kind is not b.FREE else None
        block.nr_of_all = folio.end - folio.pfn if folio else block.nr
