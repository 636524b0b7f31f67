#!/usr/bin/env python3
"""listed.py TERN FOLDER: tern devices over a folder of plugins right and wrong: each is listed, none disturbs another."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
from support import expect, finish, run  # noqa: E402

tern, folder = sys.argv[1:]
env = {"TERN_PLUGIN_PATH": folder}
done = run(tern, "devices", "--json", env=env)
expect(done.returncode == 0, "listed", done)
backends = {b["name"]: b for b in json.loads(done.stdout)["backends"]} if done.returncode == 0 else {}
states = {"good": "ready", "nameless": "ready", "no-device": "unavailable", "fails-probe": "unavailable", "old_abi.so": "rejected"}
for name, state in states.items():
    expect(backends.get(name, {}).get("state") == state, f"{name} is {state}", done)
silent = "backend nameless: internal error, and it gives no reason"
expect(backends.get("nameless", {}).get("devices") == [{"index": 0, "problem": silent}], "what is wrong with its device", done)
expect(backends.get("good", {}).get("devices", [{}])[0].get("name") == "good device", "the others are there", done)
text = run(tern, "devices", env=env)
expect(text.returncode == 0 and f"nameless:0  {silent}" in text.stdout.decode(), "the same as text", text)
finish(4 + len(states))
