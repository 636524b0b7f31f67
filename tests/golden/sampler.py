#!/usr/bin/env python3
"""Prints the ids that unit/sampler_test.c expects: sampling as tern/sampler.h describes it, in float64."""
import math
import struct

MASK = 0xFFFFFFFF


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & MASK, (a >> 32) ^ c[3] ^ k[1], a & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def uniform(seed, index):
    out = philox([index & MASK, index >> 32, 0, 0], [seed & MASK, seed >> 32])
    return (out[0] << 21 | out[1] >> 11) / 2.0**53


def logits(count):
    """Numbers of at most 11 bits over 64, so exact in float32."""
    return [((i * 2654435761 & MASK) >> 21) / 64.0 - 16.0 for i in range(count)]


def pick(values, index, seed, temperature, top_k=0, top_p=0.0, min_p=0.0, penalty=1.0, recent=(), frequency=0.0,
         presence=0.0, biases=(), typical=0.0):
    values = list(values)
    for i, bias in biases:
        values[i] += bias
    for i in set(recent):
        values[i] = values[i] / penalty if values[i] > 0 else values[i] * penalty
        values[i] -= frequency * recent.count(i) + presence
    ranked = sorted(range(len(values)), key=lambda i: (-values[i], i))
    ranked = ranked[:top_k] if top_k else ranked
    weights = [math.exp((values[i] - values[ranked[0]]) / temperature) for i in ranked]
    pairs = list(zip(ranked, weights))
    if 0 < typical < 1:
        pairs = typical_ones(pairs, typical)
    total, kept, mass = sum(w for _, w in pairs), [], 0.0
    for i, w in pairs:
        if w < min_p * pairs[0][1] or (0 < top_p < 1 and mass >= top_p * total):
            break
        kept.append((i, w))
        mass += w
    target, at = uniform(seed, index) * mass, 0.0
    for i, w in kept:
        at += w
        if at > target:
            return i
    return kept[-1][0]


def typical_ones(pairs, wanted):
    """Those whose -ln p is nearest to the entropy (arXiv 2202.00666), as many as reach the probability."""
    total = sum(w for _, w in pairs)
    entropy = -sum(w / total * math.log(w / total) for _, w in pairs)
    near = sorted(range(len(pairs)), key=lambda r: (abs(-math.log(pairs[r][1] / total) - entropy), r))
    kept, mass = [], 0.0
    for rank in near:
        if mass >= wanted * total:
            break
        kept.append(rank)
        mass += pairs[rank][1]
    return [pairs[rank] for rank in sorted(kept)]


CASES = {
    "plain": dict(seed=1, temperature=1.5),
    "top_k": dict(seed=2, temperature=4.0, top_k=5),
    "top_p": dict(seed=3, temperature=2.0, top_p=struct.unpack("f", struct.pack("f", 0.75))[0]),
    "min_p": dict(seed=4, temperature=2.0, min_p=0.125),
    "all": dict(seed=1 << 40 | 5, temperature=3.0, top_k=40, top_p=0.5, min_p=0.0625, penalty=2.0,
                recent=(1, 5, 5, 50, 97)),
    "typical": dict(seed=6, temperature=5.0, typical=0.25),
    "typical_all": dict(seed=7, temperature=4.0, top_k=30, typical=0.75, top_p=0.875, min_p=0.25),
    "frequency": dict(seed=8, temperature=1.0, frequency=0.5, presence=1.0, recent=(21, 21, 21, 76, 55)),
    "bias": dict(seed=9, temperature=1.0, biases=((3, 8.0), (21, -math.inf), (3, -4.0))),
}

for name, settings in CASES.items():
    print(name, [pick(logits(100), n, **settings) for n in range(16)])
