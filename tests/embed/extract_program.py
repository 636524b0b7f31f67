#!/usr/bin/env python3
"""Takes the C program out of README.md: extract_program.py README.md OUT.c. It must be complete and under 50 lines."""
import pathlib
import re
import sys

readme, out = map(pathlib.Path, sys.argv[1:])
program = re.search(r"<!-- program:.*?-->\s*```c\n(.*?)```", readme.read_text(), re.S).group(1)
lines = program.count("\n")
if lines >= 50:
    sys.exit(f"README.md: the program has {lines} lines, must have fewer than 50")
out.write_text(program)
