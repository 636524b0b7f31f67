"""Kernels hold only instructions of their level: encodings.py OBJECT... Each object file named *_LEVEL.c.o is disassembled: below
AVX-512 no EVEX prefix, avxvnni's products in VEX, those of the AVX-512 levels in EVEX, those of amx by tiles. Exit status 77:
objdump is missing."""
import re
import shutil
import subprocess
import sys

EVEX, VEX = "62", ("c4", "c5")
LEVELS = ("avx2", "avxvnni", "vnni256", "avx512vnni", "avx512vbmi", "amx")
LINE = re.compile(r"^\s*[0-9a-f]+:\t((?:[0-9a-f]{2} )+)\s*\t(\S+)(?: (\S+))?")


def instructions(path):
    """First byte of the encoding and text of each instruction."""
    text = subprocess.run(["objdump", "-d", "--insn-width=16", path], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        match = LINE.match(line)
        if match:
            yield match.group(1).split()[0], line.split("\t", 2)[2]


def breaches(path, level):
    products = releases = 0
    for first, text in instructions(path):
        if first == EVEX and level in ("avx2", "avxvnni"):
            yield f"EVEX: {text}"
        if "zmm" in text and level in ("avx2", "avxvnni", "vnni256"):
            yield f"512 bits: {text}"
        if "tmm" in text and level != "amx":
            yield f"tiles: {text}"
        products += "tdpbsud" in text
        releases += "tilerelease" in text
        if "vpdpbusd" in text:
            products += level != "amx"
            if level == "avx2" or (first in VEX) != (level == "avxvnni"):
                yield f"product in the wrong encoding ({first}): {text}"
    if re.search(r"gem[vm]_t[25]_|_amx", path) and level != "avx2" and not products:
        yield "no product of its level"
    if level == "amx" and not releases:
        yield "tiles are not released"


def main():
    if not shutil.which("objdump"):
        print("objdump is not installed")
        sys.exit(77)
    failed = seen = 0
    for path in sys.argv[1:]:
        level = re.search(r"_([a-z0-9]+)\.c\.o(?:bj)?$", path)
        if level and level.group(1) in LEVELS:
            seen += 1
            for breach in list(breaches(path, level.group(1)))[:5]:
                print(f"{path}: {breach}")
                failed += 1
    print(f"{seen} objects, {failed} breaches")
    sys.exit(1 if failed or not seen else 0)


main()
