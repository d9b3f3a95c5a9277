#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes src/base/unicode_gen.inc from Python's unicodedata.

gen/unicode.py            writes the file
gen/unicode.py --check    exit 1 when the file is not what this program writes; a Python with
                          another Unicode version cannot tell and says so (exit 0)
"""
import pathlib
import sys
import unicodedata

OUT = pathlib.Path(__file__).resolve().parent.parent / "src" / "base" / "unicode_gen.inc"
SHIFT = 7
CP_COUNT = 0x110000
WIDTH = 100

# enum uni_class of src/base/utf8.h
LETTER, NUMBER, PUNCT, SYMBOL, MARK, SPACE, UPPER, LOWER, TITLE, MODIFIER, OTHER, CONTROL = (
    1 << i for i in range(12))
CATEGORY = {"Lu": LETTER | UPPER, "Ll": LETTER | LOWER, "Lt": LETTER | TITLE,
            "Lm": LETTER | MODIFIER, "Lo": LETTER | OTHER, "Cc": CONTROL}
GROUP = {"N": NUMBER, "P": PUNCT, "S": SYMBOL, "M": MARK}
# PropList.txt: the White_Space property. unicodedata does not have it; str.isspace() adds
# U+001C to U+001F, which do not have the property.
WHITE = {*range(0x9, 0xE), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029,
         0x202F, 0x205F, 0x3000}


def bits(cp, c):
    category = unicodedata.category(c)
    value = CATEGORY.get(category, GROUP.get(category[0], 0))
    return value | (SPACE if cp in WHITE else 0)


def simple(c, *mappings):
    """The first mapping that is one character. Where the full mapping is longer (SpecialCasing),
    the simple upper case is the title case, if that is one character, or the character."""
    for mapped in mappings:
        if len(mapped) == 1:
            return mapped
    return c


def record(cp):
    if 0xD800 <= cp < 0xE000:
        return (0, 0, 0, 0)
    c = chr(cp)
    lower = "i" if cp == 0x130 else simple(c, c.lower())
    upper = simple(c, c.upper(), c.title())
    return (bits(cp, c), unicodedata.combining(c), ord(lower) - cp, ord(upper) - cp)


def two_stage():
    numbers = {(0, 0, 0, 0): 0}
    cells = [numbers.setdefault(record(cp), len(numbers)) for cp in range(CP_COUNT)]
    rows, row_of = [], {}
    for first in range(0, CP_COUNT, 1 << SHIFT):
        row = tuple(cells[first:first + (1 << SHIFT)])
        rows.append(row_of.setdefault(row, len(row_of)))
    return list(numbers), rows, [cell for row in row_of for cell in row]


def decompositions():
    table, pool = [], []
    for cp in range(CP_COUNT):
        if 0xD800 <= cp < 0xE000 or 0xAC00 <= cp < 0xD7A4:
            continue
        parts = [ord(c) for c in unicodedata.normalize("NFD", chr(cp))]
        if parts != [cp]:
            assert len(parts) <= 4
            table.append((cp, len(pool), len(parts)))
            pool.extend(parts)
    return table, pool


def array(kind, name, items):
    lines, line = [], "   "
    for item in items:
        if len(line) + 2 + len(item) > WIDTH:
            lines.append(line)
            line = "   "
        line += " " + item + ","
    return f"static const {kind} {name}[] = {{\n" + "\n".join([*lines, line]) + "\n};\n"


def number_type(values):
    return "uint8_t" if max(values) < 256 else "uint16_t"


def text():
    records, rows, cells = two_stage()
    table, pool = decompositions()
    return "\n".join([
        "/* Made by gen/unicode.py from Unicode " + unicodedata.unidata_version +
        ", do not edit. SPDX-License-Identifier: Apache-2.0 */",
        f"#define UNI_SHIFT {SHIFT}",
        array("struct uni_record", "uni_records", ["{%d, %d, %d, %d}" % r for r in records]),
        array(number_type(rows), "uni_rows", map(str, rows)),
        array(number_type(cells), "uni_cells", map(str, cells)),
        array("struct uni_nfd", "nfd_table", ["{0x%x, %d, %d}" % t for t in table]),
        array("uint32_t", "nfd_pool", map(hex, pool))])


def check():
    have = OUT.read_text()
    if f"Unicode {unicodedata.unidata_version}," not in have.splitlines()[0]:
        print(f"{OUT.name}: not checked, this Python has Unicode {unicodedata.unidata_version}")
        return 0
    if have != text():
        print(f"{OUT.name}: not current; run gen/unicode.py")
        return 1
    print(f"{OUT.name}: current")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(check())
    OUT.write_text(text())
