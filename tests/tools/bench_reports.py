"""Reports as `tern bench --json` writes them, of machines that do not exist: simple laws with a little noise, always the
same."""
import json
import random

SHAPES = [(2560, 2560), (2560, 640), (2560, 6912), (6912, 2560), (4096, 14336), (3072, 9216)]
MACHINES = {
    "cpu": ("cpu", "Imaginary CPU 2 cores @ 2.10GHz", "tern 0.1.0 avx512", 21.0, 780.0, 96.0, 1.2),
    "vulkan": ("vulkan", "Imaginary GPU 4090", "imaginary 535.1 <vulkan 1.3>", 840.0, 88000.0, 41000.0, 6.0),
    "opencl": ("opencl", "Imaginary GPU 4090", "imaginary 535.1", 840.0, 88000.0, 41000.0, 9.0),
}
BYTES = {"t2": 0.25, "t5": 0.2, "f16": 2.0, "f32": 4.0}  # of a weight


class Machine:
    def __init__(self, name):
        self.backend, self.name, self.driver, self.read, self.int8, self.f32, self.launch = MACHINES[name]
        self.random = random.Random(name)

    def result(self, name, kind, k, n, rows, **more):
        peak = self.int8 if kind in ("t2", "t5") else self.f32
        size, macs = k * n * BYTES[kind] + 4.0 * rows * (k + n), float(k) * n * rows
        least = max(size / (self.read * 1e3), macs / (peak * 1e3))
        us = self.launch + least / (0.93 - 0.25 * (rows > 1) - 0.1 * self.random.random())
        return {"name": name, "type": kind, "k": k, "n": n, "rows": rows, "us": us, "us_spread": us * 0.02,
                "gb_s": size / us * 1e-3, "gmac_s": macs / us * 1e-3, "share": least / us, "kernel": f"{name}_{kind}",
                "clock": "host", **more}


def ops(machine):
    for k, n in SHAPES:
        for kind in ("t2", "t5"):
            for rows in (1, 8, 128, 512):
                yield machine.result("bitlinear", kind, k, n, rows, ok=True)
    for rows in (1, 8):
        yield machine.result("linear", "f16", 2560, 128256, rows, ok=True)
    for k in (2560, 6912):
        us = machine.launch + k * 8 / machine.read * 1e-3
        yield {"name": "rms_norm", "type": "f32", "k": k, "n": 0, "rows": 1, "us": us, "us_spread": us * 0.1,
               "gb_s": k * 8 / us * 1e-3, "gmac_s": None, "share": 0.5, "ok": True}


def models(machine):
    weights = 0.7e9
    for context in (0, 512, 2048):
        rate = machine.read * 0.85e9 / (weights + context * 160e3)
        yield {"name": "decode", "model": "2b-4t", "rows": 1, "context": context, "tok_s": rate, "share": 0.85, "ok": True}
    for rows in (1, 32, 128, 512):
        rate = min(machine.read * 0.8e9 / weights * rows, machine.int8 * 0.6e9 / 2.4e9)
        yield {"name": "prefill", "model": "2b-4t", "rows": rows, "tok_s": rate, "share": 0.6}
    yield {"name": "batch", "model": "2b-4t", "rows": 8, "us": 8e6 / machine.read, "tok_s": machine.read, "share": 0.5, "ok": True}
    yield {"name": "load", "model": "2b-4t", "us": 2.1e6}
    yield {"name": "first_token", "model": "2b-4t", "us": 1e6 / machine.read}
    yield {"name": "memory", "model": "2b-4t", "host_bytes": 9.1e8, "device_bytes": 7.6e8}


def growth(machine):
    for rows in (1, 2, 4, 8, 32, 128, 512):
        yield machine.result("bitlinear", "t2", 2560, 2560, rows, series="rows")
    for k in (256, 1024, 4096, 16384):
        yield machine.result("bitlinear", "t2", k, 2560, 1, series="k")
    for context in (63, 255, 1023, 8191):
        us = machine.launch + context * 0.01
        yield {"name": "attention", "type": "f16", "k": 2560, "n": 640, "rows": 1, "context": context, "us": us,
               "us_spread": 0.1, "gb_s": 1.0, "gmac_s": 1.0, "share": 0.4, "series": "context"}
    if machine.backend == "cpu":
        for threads in (1, 2):
            yield machine.result("bitlinear", "t2", 2560, 2560, 1, series="threads", threads=threads)


def others(machine):
    yield {"name": "submit", "us": machine.launch * 3, "us_spread": 0.2}
    yield {"name": "launch", "us": machine.launch, "us_spread": 0.05}
    yield {"name": "upload", "us": 6e4, "us_spread": 100.0, "gb_s": 11.0}
    yield {"name": "download", "us": 8e4, "us_spread": 100.0, "gb_s": 8.5}


def report(name, version, parts=(others, ops, models, growth), **changes):
    """A report of one of MACHINES; |changes| replace members."""
    machine = Machine(name)
    whole = {"tern": version, "date": "2026-11-21T09:30:00Z",
             "device": {"backend": machine.backend, "name": machine.name, "driver": machine.driver},
             "roofline": {"read_gb_s": machine.read, "int8_gmac_s": machine.int8, "f32_gmac_s": machine.f32},
             "results": [r for part in parts for r in part(machine)]}
    return {**whole, **changes}


def write(path, *args, **more):
    path.write_text(json.dumps(report(*args, **more)))
    return path
