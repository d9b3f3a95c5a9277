#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes src/grammar/regex_category_gen.inc, the general category of every code point as runs.

gen/categories.py            writes the file
gen/categories.py --check    exit 1 when the file is not what this program writes; a Python with
                             another Unicode version cannot tell and says so (exit 0)
"""
import pathlib
import sys
import unicodedata

OUT = pathlib.Path(__file__).resolve().parent.parent / "src/grammar/regex_category_gen.inc"
# enum category of src/grammar/regex_property.c, in this order.
NAMES = ["Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe",
         "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn"]
WIDTH = 100


def runs():
    last = None
    for cp in range(0x110000):
        category = NAMES.index(unicodedata.category(chr(cp)))
        if category != last:
            yield f"0x{cp << 5 | category:x},"
            last = category


def text():
    lines, line = [], "   "
    for item in runs():
        if len(line) + 1 + len(item) > WIDTH:
            lines.append(line)
            line = "   "
        line += " " + item
    return "\n".join([
        "/* Made by gen/categories.py from Unicode " + unicodedata.unidata_version +
        ", do not edit. SPDX-License-Identifier: Apache-2.0 */",
        "/* First code point << 5 | category; ascending, each run ends where the next begins. */",
        "static const uint32_t category_runs[] = {", *lines, line, "};", ""])


def check():
    have = OUT.read_text()
    if f"Unicode {unicodedata.unidata_version}," not in have.splitlines()[0]:
        print(f"{OUT.name}: not checked, this Python has Unicode {unicodedata.unidata_version}")
        return 0
    if have != text():
        print(f"{OUT.name}: not current; run gen/categories.py")
        return 1
    print(f"{OUT.name}: current")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(check())
    OUT.write_text(text())
