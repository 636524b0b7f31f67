#!/usr/bin/env python3
"""i2s_block.py TERN: I2_S files of ARM builds, whose blocks are of 64, are told by their weights or by an option."""
import json
import pathlib
import sys
import tempfile

from gguf_edit import Gguf
from support import SOURCE, expect, expect_line, find_model, finish, run

tern = sys.argv[1]
folder = tempfile.TemporaryDirectory()
work = pathlib.Path(folder.name)
I2_S = 36


def logits(path, *args):
    done = run(tern, "logits", "-m", path, "--ids", "1,4,7", "--json", "--backend", "reference", *args)
    expect(done.returncode == 0, f"{path.name} {args}: runs", done)
    return json.loads(done.stdout)["bits"], b"blocks of 64" in done.stderr


def in_small_blocks(path, out):
    """The same weights with byte p of 16 holding the elements p, p + 16, p + 32 and p + 48."""
    gguf = Gguf(path)
    for name, entry in gguf.tensors.items():
        if gguf.u32(entry["type"]) != I2_S:
            continue
        start = gguf.start(name)
        for at in range(start, start + entry["shape"][0] * entry["shape"][1] // 4, 32):
            block = gguf.data[at:at + 32]
            codes = [block[i % 32] >> (6 - 2 * (i // 32)) & 3 for i in range(128)]
            gguf.data[at:at + 32] = bytes(codes[h + p] << 6 | codes[h + 16 + p] << 4 | codes[h + 32 + p] << 2 | codes[h + 48 + p]
                                          for h in (0, 64) for p in range(16))
    return gguf.save(out)


# A trained model tells by itself.
trained, arm, back = work / "trained.gguf", work / "arm.gguf", work / "back.gguf"
done = run(tern, "convert", SOURCE / "tools/models/tern-stories.gguf", trained, "--type", "i2_s")
expect(done.returncode == 0, "the model that comes with the program becomes I2_S", done)
in_small_blocks(trained, arm)
bits, said = logits(trained)
expect(not said, "blocks of 128 are nothing to speak of")
expect(logits(arm) == (bits, True), "blocks of 64 are found, and said")
expect(logits(arm, "--i2s-block", "64") == (bits, False), "blocks of 64 as the option says")
expect(logits(arm, "--i2s-block", "128")[0] != bits, "blocks of 128 as the option says")
expect(logits(trained, "--i2s-block", "64")[0] != bits, "the option is believed")
run(tern, "convert", arm, back, "--type", "i2_s")
expect(back.read_bytes() == trained.read_bytes(), "converting to i2_s makes blocks of 128")
run(tern, "convert", arm, back, "--force")
expect(back.read_bytes() == arm.read_bytes(), "a copy is the same")
run(tern, "convert", arm, back, "--force", "--type", "i2_s", "--i2s-block", "128")
expect(back.read_bytes() == arm.read_bytes(), "what is in blocks of 128 already is copied")

# Random weights do not: they are read as published files are.
random = find_model("rand-b158-i2_s.gguf")
in_small_blocks(random, arm)
bits, said = logits(random)
expect(not said, "random weights in blocks of 128")
expect(logits(arm)[0] != bits and not logits(arm)[1], "random weights in blocks of 64 are not found")
expect(logits(arm, "--i2s-block", "64") == (bits, False), "random weights as the option says")
embed = lambda path, *args: json.loads(run(tern, "embed", "-m", path, "-p", "Bob", "--json", "--backend", "reference", *args).stdout)["texts"]
expect(embed(arm, "--i2s-block", "64") == embed(random) != embed(arm), "embeddings as the option says")
expect_line("another block", run(tern, "logits", "-m", arm, "--ids", "1", "--i2s-block", "96"), 2, ["--i2s-block", "64 or 128", "96"])
finish(15)
