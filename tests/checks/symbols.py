#!/usr/bin/env python3
"""symbols.py LIBRARY [PLUGIN...]: every public symbol of the library begins with tern_, a plugin exports its query alone, and
no object keeps writable globals: state belongs to a context. (Each thread's last message is thread-local.)"""
import subprocess
import sys


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def exported(path, *options):
    return [line.split()[-1] for line in output("nm", *options, "--defined-only", path) if len(line.split()) >= 3]


def writable(path):
    for line in output("objdump", "-t", path):
        words = line.split()
        section = next((w for w in words if w in (".data", ".bss", "*COM*") or w.startswith((".data.", ".bss."))), None)
        if section and not section.startswith(".data.rel.ro") and words[-1] != section and words[-2] != "0" * 16:
            yield words[-1]


library, plugins = sys.argv[1], sys.argv[2:]
shared = ".so" in library
bad = [f"{library}: exports {name}" for name in exported(library, *(["-D"] if shared else ["-g"]))
       if not name.startswith("tern_")]
if not shared:
    bad += [f"{library}: {name} is writable global data" for name in writable(library)]
for plugin in plugins:
    names = exported(plugin, "-D")
    if names != ["tern_backend_query"]:
        bad.append(f"{plugin}: exports {names}")
print("\n".join(bad) if bad else "symbols: as they should be")
sys.exit(1 if bad else 0)
