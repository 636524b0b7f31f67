"""tools/check_exact finds what it is for: each kind of breach in a file made here, and nothing in files without one."""
import importlib.machinery
import importlib.util
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
loader = importlib.machinery.SourceFileLoader("check_exact", str(ROOT / "tools/check_exact"))
spec = importlib.util.spec_from_loader("check_exact", loader)
check = importlib.util.module_from_spec(spec)
sys.dont_write_bytecode = True
loader.exec_module(check)

SHADER = """#version 450
layout(local_size_x = 1) in;
layout(std430, binding = 0) buffer B { float b[]; };
layout(std430, binding = 1) buffer I { uint i[]; };
void main() { %s }
"""
KERNEL = """#include "shaders/common/lang.h"
kernel void k(global float *x, global int *n) { int e = n[0]; float f = x[0]; %s }
"""
C = "float %s(float a, float b, float c);\nfloat %s(float a, float b, float c) { return __builtin_fmaf(a, b, c); }\n"

COMPILERS = (("cc", ["-mfma"], "objdump"), ("aarch64-linux-gnu-gcc", [], "aarch64-linux-gnu-objdump"))

SHADERS = {"precise float y = b[0] * b[1]; b[0] = y;": None, "i[0] = i[1] / i[2];": None, "b[0] = max(b[0], b[1]);": None,
           "b[0] = b[0] * b[1];": "OpFMul", "b[0] = b[0] - 1.0;": "OpFSub", "precise float y = b[0] / b[1]; b[0] = y;": "OpFDiv",
           "b[0] = sqrt(b[0]);": "Sqrt", "b[0] = exp(b[0]);": "Exp", "b[0] = fma(b[0], b[1], b[2]);": "Fma",
           "b[0] = inversesqrt(b[0]);": "InverseSqrt"}
KERNELS = {"x[0] = f * f + x[1];": None, "n[0] = (e - 1) / 2;": None, "x[0] = f / 3;": "division", "x[0] = 1.0f / e;": "division",
           "x[0] = x[1] / x[2];": "division", "x[0] = (float)e / n[1];": "division", "x[0] = mad(f, f, f);": "mad",
           "x[0] = native_exp(f);": "native_exp", "x[0] = half_rsqrt(f);": "half_rsqrt", "x[0] = exp(f);": "exp"}


def expect(what, wanted, found):
    found = list(found)
    ok = any(wanted in text for text in found) if wanted else not found
    if not ok:
        print(f"{what}: expected {wanted or 'nothing'}, found {found or 'nothing'}", file=sys.stderr)
    return ok


def main():
    ok = True
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for body, wanted in SHADERS.items():
            (folder / "s.comp").write_text(SHADER % body)
            subprocess.run(["glslangValidator", "-V", "--quiet", "s.comp", "-o", "s.spv"], cwd=folder, check=True)
            ok &= expect(body, wanted, check.spirv_breaches(folder / "s.spv"))
        for body, wanted in KERNELS.items():
            (folder / "k.cl").write_text(KERNEL % body)
            ok &= expect(body, wanted, check.opencl_breaches(folder / "k.cl"))
        (folder / "f.c").write_text(C % ("listed", "listed") + C % ("stray", "stray"))
        for compiler, flag, objdump in COMPILERS:
            if shutil.which(compiler):
                built = subprocess.run([compiler, "-O2", *flag, "-c", "f.c"], cwd=folder, capture_output=True).returncode == 0
                found = list(check.object_breaches(folder / "f.o", ["lis*"], objdump)) if built else []
                ok &= not built or expect(f"stray() by {compiler}", "stray: fused", found) and len(found) == 1
    sys.exit(0 if ok else 1)


lacking = [tool for tool in ("glslangValidator", "spirv-dis", "cc", "objdump") if not shutil.which(tool)]
if lacking:
    print(f"not run: {', '.join(lacking)} not installed")
    sys.exit(77)
main()
