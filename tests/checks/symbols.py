#!/usr/bin/env python3
"""symbols.py LIBRARY [PLUGIN...]: every public symbol of the library begins with tern_, a plugin exports its query alone, and
no object of ours keeps writable globals but those listed here."""
import subprocess
import sys

# Thread-local message and caches that are written once; everything else would be state outside a context.
ALLOWED_DATA = set()


def symbols(path, *options):
    out = subprocess.run(["nm", *options, path], capture_output=True, text=True, check=True).stdout
    return [line.split()[-2:] for line in out.splitlines() if len(line.split()) >= 2]


library, plugins = sys.argv[1], sys.argv[2:]
dynamic = ["-D"] if ".so" in library else []
bad = []
for kind, name in symbols(library, "-g", "--defined-only", *dynamic):
    if not name.startswith("tern_"):
        bad.append(f"{library}: exports {name}")
if not dynamic:
    for kind, name in symbols(library, "--defined-only"):
        if kind in "dDbBcC" and name.split(".")[0] not in ALLOWED_DATA:
            bad.append(f"{library}: {name} is writable global data")
for plugin in plugins:
    exported = [name for _, name in symbols(plugin, "-D", "--defined-only")]
    if exported != ["tern_backend_query"]:
        bad.append(f"{plugin}: exports {exported}")
print("\n".join(bad) if bad else "symbols: as they should be")
sys.exit(1 if bad else 0)
