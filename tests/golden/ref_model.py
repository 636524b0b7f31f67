#!/usr/bin/env python3
"""Random small ternary models in GGUF with float64 reference logits: an oracle written from the published
formulas, independent of the project.

usage: ref_model.py OUT_STEM ARCH TYPE SEED D F LAYERS HEADS KV HEAD_DIM VOCAB NTOK [OPTION=VALUE...]
ARCH: bitnet-b1.58, bitnet-25 (relu^2, sub-norms, half-split rope) | bitnet (SiLU, sub-norms, half-split rope)
      | llama (SiLU, no sub-norms, interleaved rope) | qwen3 (SiLU, q and k normed by heads, half-split rope)
      | qwen3moe (qwen3 with experts) | maple (the same, but rotary positions in windowed layers only, and clamped gates)
      | gemma3 (GELU by tanh, q and k normed by heads, norms behind both halves of a layer, a scaled embedding, windows)
      | hgrn-bit (a recurrence for attention, arXiv 2406.02528 as its authors' program computes it; linear_norm always)
TYPE: i2_s | tq2_0 | tq1_0
      | f16 | bf16 | f32: the ternary weights multiplied out
      | tq2_0_scale: blocks of scale 1 beside .scale tensors | tq2_0_row, tq2_0_group: a scale per row, per block
      | f16_row: the same with a scale per row
      | dense: weights of any value, F16, BF16, F32 and Q8_0 by turns, with biases, frequency factors and output.weight
OPTION: scaling=linear:FACTOR | scaling=yarn:FACTOR:CONTEXT[:FAST:SLOW] (arXiv 2309.00071, ramp over the pairs as its
        authors compute it) | scaling=llama3:FACTOR:CONTEXT:LOW:HIGH (Llama 3.1)
        linear_norm=1: an RMSNorm in front of each projection, linear_eps=EPS in it | bare=1: and no other norms | pairs=half_split|interleaved
        experts=E used=S: F is the width of each | limit=X: of maple's gates | rotary=DIMS: the first of each head turn
        window=W period=P: all layers but every P-th see W positions | base=THETA window_base=THETA
Writes OUT_STEM.gguf and OUT_STEM.golden.json (token ids fed, logits after the first, middle and last token,
greedy continuation of 16 tokens).
"""
import json, struct, sys
import numpy as np
sys.argv, argv = [sys.argv[0]], sys.argv[1:]
stem, arch, kind = argv[:3]
seed, D, F, L, H, KV, HD, V, N = map(int, argv[3:12])
option = dict(a.split("=") for a in argv[12:])
U32, FLOAT, STRING, ARRAY, I32, BOOL = 4, 6, 8, 9, 5, 7
rng = np.random.default_rng(seed)
eps, theta = 1e-5, float(option.get("base", 10000.0))
sub, head_norms, post_norms = arch.startswith("bitnet"), arch in ("qwen3", "gemma3", "qwen3moe", "maple"), arch == "gemma3"
interleaved = option.get("pairs", "interleaved" if arch == "llama" else "half_split") == "interleaved"
recurrent = arch == "hgrn-bit"
linear_norm, window, period = recurrent or "linear_norm" in option, int(option.get("window", 0)), int(option.get("period", 0))
E, S, RD, limit = int(option.get("experts", 0)), int(option.get("used", 0)), int(option.get("rotary", HD)), float(option.get("limit", np.inf))

def gstr(s):
    b = s.encode(); return struct.pack("<Q", len(b)) + b
def kv(key, typ, val):
    h = gstr(key) + struct.pack("<I", typ)
    if typ == STRING: return h + gstr(val)
    if typ == ARRAY:
        et, items = val; h += struct.pack("<IQ", et, len(items))
        if et == STRING: return h + b"".join(gstr(x) for x in items)
        return h + np.asarray(items, {FLOAT: "<f4", I32: "<i4", BOOL: "<u1"}[et]).tobytes()
    return h + struct.pack({U32: "<I", FLOAT: "<f", BOOL: "<?"}[typ], val)
def bf16(x): # nearest even
    u = np.asarray(x, np.float32).view(np.uint32)
    return ((u + 0x7fff + ((u >> 16) & 1)) >> 16).astype(np.uint16)
def store(x, typ): # values as they are stored, their type's number and bytes
    x = np.asarray(x, np.float32)
    if typ == "f32": return x, 0, x.tobytes()
    if typ == "f16": h = x.astype(np.float16); return h.astype(np.float32), 1, h.tobytes()
    if typ == "bf16": h = bf16(x); return (h.astype(np.uint32) << 16).view(np.float32), 30, h.tobytes()
    g = x.reshape(-1, 32); d = (np.abs(g).max(1, keepdims=True) / 127).astype(np.float16)
    q = np.clip(np.rint(g / d.astype(np.float32)), -127, 127).astype(np.int8)
    return (q * d.astype(np.float32)).reshape(x.shape), 8, np.concatenate([d.view(np.uint8), q.view(np.uint8)], 1).tobytes()
def pack(w, s):
    if kind in ("f16", "bf16", "f32", "f16_row"): return store(w * np.float32(s), kind[:4].rstrip("_"))[1:]
    q = (w + 1).astype(np.uint8)
    if kind == "i2_s":
        g = q.reshape(-1, 4, 32)
        return 36, (g[:, 0] << 6 | g[:, 1] << 4 | g[:, 2] << 2 | g[:, 3]).tobytes() + struct.pack("<f", s) + b"\0" * 28
    d = np.broadcast_to(np.asarray(s, np.float16).reshape(np.shape(s) or (1, 1)), (w.shape[0], w.shape[1] // 256))
    d = np.ascontiguousarray(d).reshape(-1, 1).view(np.uint8)
    if kind.startswith("tq2_0"):
        g = q.reshape(-1, 2, 4, 32)
        b = g[:, :, 0] | g[:, :, 1] << 2 | g[:, :, 2] << 4 | g[:, :, 3] << 6
        return 35, np.concatenate([b.reshape(-1, 64), d], 1).tobytes()
    g = q.reshape(-1, 256).astype(np.uint32)  # tq1_0
    def dig(x):
        v = np.zeros((x.shape[0], x.shape[2]), np.uint32)
        for i in range(x.shape[1]): v = v * 3 + x[:, i]
        for _ in range(5 - x.shape[1]): v = v * 3
        return ((v * 256 + 242) // 243).astype(np.uint8)
    return 34, np.concatenate([dig(g[:, :160].reshape(-1, 5, 32)), dig(g[:, 160:240].reshape(-1, 5, 16)),
                               dig(g[:, 240:].reshape(-1, 4, 4)), d], 1).tobytes()

tensors, W, dense_types = [], {}, ["f16", "bf16", "f32", "q8_0"]
def norm(name, n):
    if "bare" in option and name.endswith(("attn_norm.weight", "ffn_norm.weight", "output_norm.weight")): return
    w = (1 + 0.2 * rng.standard_normal(n)).astype(np.float32); W[name] = w.astype(np.float64)
    tensors.append((name, (n,), 0, w.tobytes()))
def permuted(w, rope_rows): # stored rows are permuted so that the interleaved rotary pairs match
    if not rope_rows or not interleaved: return w
    return np.ascontiguousarray(w.reshape(w.shape[0] // HD, 2, HD // 2, -1).swapaxes(1, 2)).reshape(w.shape)
def dense(name, k, m, rope_rows=False):
    typ = dense_types[len(tensors) % 4] if k % 32 == 0 else dense_types[len(tensors) % 3]
    v, t, _ = store(rng.standard_normal((m, k)) / np.sqrt(k), typ)
    b = (rng.standard_normal((m, 1)) * 0.1).astype(np.float32)
    W[name] = (v.astype(np.float64), b[:, 0].astype(np.float64))
    tensors.append((name, (k, m), t, store(permuted(v, rope_rows), typ)[2]))
    tensors.append((name.replace("weight", "bias"), (m,), 0, permuted(b, rope_rows).tobytes()))
def lin(name, k, m, rope_rows=False, experts=()):
    if linear_norm: norm(name.replace(".weight", "_norm_in.weight"), k)
    if kind == "dense": return dense(name, k, m, rope_rows)
    m *= int(np.prod(experts))
    w = rng.choice([-1, 0, 1], (m, k), p=[.32, .36, .32]).astype(np.int8)
    s = np.float32(np.float16(1.0 / np.sqrt(k * .64) * (0.7 + 0.6 * rng.random())))
    if kind in ("tq2_0_row", "f16_row"): s = (s * (0.5 + rng.random((m, 1)))).astype(np.float16)
    if kind == "tq2_0_group": s = (s * (0.5 + rng.random((m, k // 256)))).astype(np.float16)
    if kind == "bf16": s = store([s], kind)[0][0]
    W[name] = (w * np.repeat(np.float64(s), k // np.shape(s)[1], 1), 1.0) if np.ndim(s) else (w.astype(np.float64), float(s))
    if kind == "tq2_0_scale":
        tensors.append((name.replace("weight", "scale"), (1,), 0, np.float32(s).tobytes())); s = 1.0
    t, b = pack(permuted(w, rope_rows), permuted(s, rope_rows) if np.ndim(s) else s); tensors.append((name, (k, m // int(np.prod(experts)), *experts), t, b))
factors = np.ones(HD // 2)
emb = (rng.standard_normal((V, D)) * 0.1).astype(np.float16)
tensors.append(("token_embd.weight", (D, V), 1, emb.tobytes()))
if kind == "dense":
    factors = (1 + rng.random(HD // 2)).astype(np.float32); tensors.append(("rope_freqs.weight", (HD // 2,), 0, factors.tobytes()))
    dense("output.weight", D, V)
norm("output_norm.weight", D)
if recurrent:
    bounds = rng.standard_normal((L, D)).astype(np.float32); tensors.append(("lower_bounds.weight", (D, L), 0, bounds.tobytes()))
    share = np.exp(bounds.astype(np.float64)); share /= share.sum(0); bounds = share.cumsum(0) - share[0]
    lin("output.weight", D, V)
for l in range(L):
    p = "blk.%d." % l
    norm(p + "attn_norm.weight", D)
    if recurrent:
        for n in "ifg": lin(p + "attn_%s.weight" % n, D, D)
        norm(p + "attn_g_norm.weight", D); lin(p + "attn_output.weight", D, D)
        norm(p + "ffn_norm.weight", D); lin(p + "ffn_gate_up.weight", D, 2 * F); lin(p + "ffn_down.weight", F, D)
        continue
    lin(p + "attn_q.weight", D, H * HD, True); lin(p + "attn_k.weight", D, KV * HD, True); lin(p + "attn_v.weight", D, KV * HD)
    if head_norms: norm(p + "attn_q_norm.weight", HD); norm(p + "attn_k_norm.weight", HD)
    if sub: norm(p + "attn_sub_norm.weight", H * HD)
    lin(p + "attn_output.weight", H * HD, D)
    if post_norms: norm(p + "post_attention_norm.weight", D)
    norm(p + "ffn_norm.weight", D)
    if E:
        W[p + "ffn_gate_inp.weight"] = r = (rng.standard_normal((E, D)) * 0.3).astype(np.float32)
        tensors.append((p + "ffn_gate_inp.weight", (D, E), 0, r.tobytes()))
        for n in "gate", "up": lin(p + "ffn_%s_exps.weight" % n, D, F, experts=(E,))
        lin(p + "ffn_down_exps.weight", F, D, experts=(E,))
    else:
        lin(p + "ffn_gate.weight", D, F); lin(p + "ffn_up.weight", D, F)
        if sub: norm(p + "ffn_sub_norm.weight", F)
        lin(p + "ffn_down.weight", F, D)
    if post_norms: norm(p + "post_ffw_norm.weight", D)

def rms(x, w, e=eps): return x if w is None else x / np.sqrt((x * x).mean(-1, keepdims=True) + e) * w
linear_eps = float(option.get("linear_eps", eps))
def bitlinear(x, name):
    w, s = W[name]
    if linear_norm: x = rms(x, W[name.replace(".weight", "_norm_in.weight")], linear_eps)
    if kind == "dense": return x @ w.T + s
    sx = 127.0 / np.maximum(np.abs(x).max(-1, keepdims=True), 1e-5)
    q = np.clip(np.rint(x * sx), -128, 127)
    return (q @ w.T) / sx * s
def frequencies(base, how): # and what the table is multiplied by
    f = base ** (-np.arange(0, RD, 2) / RD) / factors[:RD // 2]
    name, *numbers = how.split(":"); x = [float(v) for v in numbers]
    if name == "linear": return f / x[0], 1.0
    if name == "llama3":
        s, context, low, high = x; turns = context * f / (2 * np.pi)
        smooth = np.clip((turns - low) / (high - low), 0, 1)
        return f / s * (1 - smooth) + f * smooth, 1.0
    if name == "yarn":
        s, context, fast, slow = (x + [32.0, 1.0])[:4]
        at = [HD * np.log(context / (n * 2 * np.pi)) / (2 * np.log(base)) for n in (fast, slow)]
        low, high = max(np.floor(at[0]), 0), min(np.ceil(at[1]), HD - 1)
        ramp = np.clip((np.arange(HD // 2) - low) / max(high - low, 0.001), 0, 1)
        return f / s * ramp + f * (1 - ramp), 0.1 * np.log(s) + 1
    return f, 1.0
def rope(x, inv, size):
    n = x.shape[0]; a = np.arange(n)[:, None] * inv
    c, s = np.cos(a)[:, None] * size, np.sin(a)[:, None] * size
    x1, x2 = x[..., :RD // 2], x[..., RD // 2:RD]
    return np.concatenate([x1 * c - x2 * s, x2 * c + x1 * s, x[..., RD:]], -1)
def windowed(l): return window and (l + 1) % period != 0
def silu(x): return x / (1 + np.exp(-x))
def gate(x):
    if arch == "gemma3": return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)))
    return np.maximum(x, 0) ** 2 if arch in ("bitnet-b1.58", "bitnet-25") else silu(x)
def recurrence(x, l):
    p = "blk.%d." % l
    i, f, g = (bitlinear(x, p + "attn_%s.weight" % n) for n in "ifg")
    f = bounds[l] + (1 - bounds[l]) / (1 + np.exp(-f))
    h, i, state = np.empty_like(i), silu(i) * (1 - f), np.zeros(D)
    for r in range(len(x)): h[r] = state = f[r] * state + i[r]
    return bitlinear(rms(g, W[p + "attn_g_norm.weight"]) * silu(h), p + "attn_output.weight")
def attention(h, l):
    p, n = "blk.%d." % l, len(h)
    q, k = bitlinear(h, p + "attn_q.weight").reshape(n, H, HD), bitlinear(h, p + "attn_k.weight").reshape(n, KV, HD)
    if head_norms: q, k = rms(q, W[p + "attn_q_norm.weight"]), rms(k, W[p + "attn_k_norm.weight"])
    table = frequencies(float(option.get("window_base", theta)), "none") if windowed(l) else frequencies(theta, option.get("scaling", "none"))
    if windowed(l) or arch != "maple": q, k = rope(q, *table), rope(k, *table)
    v = bitlinear(h, p + "attn_v.weight").reshape(n, KV, HD)
    mask = np.triu(np.full((n, n), -np.inf), 1)
    if windowed(l): mask += np.tril(np.full((n, n), -np.inf), -window)
    o = np.empty((n, H, HD))
    for i in range(H):
        a = q[:, i] @ k[:, i * KV // H].T / np.sqrt(HD) + mask
        a = np.exp(a - a.max(-1, keepdims=True)); a /= a.sum(-1, keepdims=True)
        o[:, i] = a @ v[:, i * KV // H]
    o = o.reshape(n, H * HD)
    if sub: o = rms(o, W[p + "attn_sub_norm.weight"])
    return bitlinear(o, p + "attn_output.weight")
def experts(h, l):
    p = "blk.%d." % l
    out, score = np.zeros_like(h), h @ W[p + "ffn_gate_inp.weight"].T.astype(np.float64)
    share = np.exp(score - score.max(-1, keepdims=True)); share /= share.sum(-1, keepdims=True)
    def expert(x, name, e):
        w, s = W[p + name]; W["expert"] = w.reshape(E, -1, w.shape[1])[e], s
        return bitlinear(x, "expert")
    for r in range(len(h)):
        best, x = np.argsort(-share[r], kind="stable")[:S], h[r:r + 1]
        for e in best:
            g, u = expert(x, "ffn_gate_exps.weight", e), expert(x, "ffn_up_exps.weight", e)
            f = silu(np.minimum(g, limit)) * np.clip(u, -limit, limit)
            out[r] += expert(f, "ffn_down_exps.weight", e)[0] * share[r, e] / share[r, best].sum()
    return out
def feed_forward(h, l):
    if E: return experts(h, l)
    p = "blk.%d." % l
    if recurrent:
        y = bitlinear(h, p + "ffn_gate_up.weight")
        return bitlinear(silu(y[:, :F]) * y[:, F:], p + "ffn_down.weight")
    f = gate(bitlinear(h, p + "ffn_gate.weight")) * bitlinear(h, p + "ffn_up.weight")
    if sub: f = rms(f, W[p + "ffn_sub_norm.weight"])
    return bitlinear(f, p + "ffn_down.weight")
def forward(ids):
    x = emb[ids].astype(np.float64)
    if arch == "gemma3": x *= np.sqrt(D)
    for l in range(L):
        p = "blk.%d." % l
        o = (recurrence if recurrent else attention)(rms(x, W.get(p + "attn_norm.weight")), l)
        x = x + (rms(o, W[p + "post_attention_norm.weight"]) if post_norms else o)
        o = feed_forward(rms(x, W.get(p + "ffn_norm.weight")), l)
        x = x + (rms(o, W[p + "post_ffw_norm.weight"]) if post_norms else o)
    if kind == "dense" or recurrent: return bitlinear(rms(x, W.get("output_norm.weight")), "output.weight")
    return rms(x, W.get("output_norm.weight")) @ emb.astype(np.float64).T

pieces = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % i for i in range(256)] + ["w%d" % i for i in range(V - 259)]
meta = [kv("general.architecture", STRING, arch), kv("general.name", STRING, "random %s reference" % arch), kv("general.alignment", U32, 32),
        kv("general.file_type", U32, {"i2_s": 40, "tq1_0": 36, "f16": 1, "bf16": 32, "f32": 0, "dense": 1}.get(kind, 37)),
        kv(arch + ".context_length", U32, 256), kv(arch + ".embedding_length", U32, D), kv(arch + ".block_count", U32, L),
        kv(arch + ".feed_forward_length", U32, F), kv(arch + ".attention.head_count", U32, H), kv(arch + ".attention.head_count_kv", U32, KV),
        kv(arch + ".attention.key_length", U32, HD), kv(arch + ".attention.value_length", U32, HD),
        kv(arch + ".rope.dimension_count", U32, RD), kv(arch + ".rope.freq_base", FLOAT, theta),
        kv(arch + ".attention.layer_norm_rms_epsilon", FLOAT, eps), kv(arch + ".vocab_size", U32, V),
        kv("tokenizer.ggml.model", STRING, "llama"), kv("tokenizer.ggml.tokens", ARRAY, (STRING, pieces)),
        kv("tokenizer.ggml.scores", ARRAY, (FLOAT, [0.0] * V)), kv("tokenizer.ggml.token_type", ARRAY, (I32, [2, 3, 3] + [6] * 256 + [1] * (V - 259))),
        kv("tokenizer.ggml.bos_token_id", U32, 1), kv("tokenizer.ggml.eos_token_id", U32, 2)]
if "scaling" in option:
    name, *numbers = option["scaling"].split(":"); x = [float(v) for v in numbers]
    own = "tern.rope.scaling." if name == "llama3" else arch + ".rope.scaling."
    meta += [kv(own + "type", STRING, name), kv(own + "factor", FLOAT, x[0])]
    if len(x) > 1: meta += [kv(own + "original_context_length", U32, int(x[1]))]
    names = ("low_freq_factor", "high_freq_factor") if name == "llama3" else ("yarn_beta_fast", "yarn_beta_slow")
    meta += [kv(own + n, FLOAT, v) for n, v in zip(names, x[2:])]
if "pairs" in option: meta += [kv("tern.rotary_pairs", STRING, option["pairs"])]
if "linear_eps" in option: meta += [kv("tern.linear_norm_epsilon", FLOAT, linear_eps)]
if recurrent: meta = [m for m in meta if not any(k in m for k in (b".attention.head", b".attention.key", b".attention.value", b".rope."))]
if "bare" in option: meta += [kv("tern.block_norms", BOOL, False)]
if linear_norm: meta += [kv("tern.linear_norm", BOOL, True)]
if window:
    pattern = (ARRAY, (BOOL, [windowed(l) for l in range(L)])) if arch == "maple" else (U32, period)
    meta += [kv(arch + ".attention.sliding_window", U32, window), kv(arch + ".attention.sliding_window_pattern", *pattern)]
if E: meta += [kv(arch + ".expert_count", U32, E), kv(arch + ".expert_used_count", U32, S), kv(arch + ".expert_feed_forward_length", U32, F)]
if "limit" in option: meta += [kv(arch + ".swiglu_clamp_exp", ARRAY, (FLOAT, [limit] * L))]
if "window_base" in option: meta += [kv(arch + ".rope.freq_base_swa", FLOAT, float(option["window_base"]))]
head, off = struct.pack("<IIQQ", 0x46554747, 3, len(tensors), len(meta)) + b"".join(meta), 0
for name, shape, typ, blob in tensors:
    head += gstr(name) + struct.pack("<I", len(shape)) + struct.pack("<%dQ" % len(shape), *shape) + struct.pack("<IQ", typ, off)
    off += len(blob) + (-len(blob) % 32)
head += b"\0" * (-len(head) % 32)
with open(stem + ".gguf", "wb") as f:
    f.write(head)
    for _, _, _, blob in tensors: f.write(blob + b"\0" * (-len(blob) % 32))
ids = [1] + [int(i) for i in rng.integers(3, V, N - 1)]
lg = forward(np.array(ids))
out, margin = list(ids), []
for _ in range(16):
    z = forward(np.array(out))[-1]; o = np.argsort(z); margin.append(float(z[o[-1]] - z[o[-2]])); out.append(int(o[-1]))
keep = {0, N // 2, N - 1}
json.dump(dict(note="float64 reference; logits[p] follow the token at position p; greedy continues ids; margin = top1 - top2 at each greedy step",
               arch=arch, type=kind, ids=ids, logits={str(p): [round(float(v), 6) for v in lg[p]] for p in sorted(keep)},
               greedy=out[N:], margin=[round(m, 4) for m in margin]), open(stem + ".golden.json", "w"))
print(stem, "min greedy margin %.3f" % min(margin), "logit std %.2f" % lg.std())
