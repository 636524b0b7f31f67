"""The cpu backend on 64-bit ARM: emulated.py CMAKE SOURCE BUILD. Cross-builds, looks for fused instructions, and runs the kernel
tests and the conformance of each level on processors that QEMU emulates. Exit status 77 names what is not installed."""
import os
import pathlib
import shutil
import subprocess
import sys

NEEDED = ("aarch64-linux-gnu-gcc", "aarch64-linux-gnu-objdump", "qemu-aarch64", "ninja")
# With one thread, and with two that find subnormals flushed: what two find otherwise, x86-64 has shown.
# Processor, its best level, a kernel that only this level has, whether the kernel tests run too: on the oldest and the newest.
MODELS = (("cortex-a57", "neon", "linear_f16__neon", True), ("neoverse-n1", "dotprod", "gemv_t2__dotprod", False),
          ("max", "i8mm", "gemm_t2__i8mm", True))


def run(command, **more):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}: status {result.returncode}\n{result.stdout[-6000:]}")
    return result.stdout


def test(build, model, level, kernel, kernels):
    env = dict(os.environ, QEMU_CPU=model)
    names = f"^conformance_cpu_{level}(|_ftz)$" + ("|^kernels_" if kernels else "")
    out = run(["ctest", "--test-dir", build, "-R", names, "--output-on-failure", "-V", "-j2"], env=env)
    print(f"{model}: {[line for line in out.splitlines() if 'tests passed,' in line][0]}")
    if kernel not in out:
        sys.exit(f"{model}: no test ran {kernel}")


def main():
    cmake, source, build = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    lacking = [tool for tool in NEEDED if not shutil.which(tool)]
    if lacking:
        print(f"not run: {', '.join(lacking)} not installed")
        sys.exit(77)
    run([cmake, "-S", source, "-B", build, "-G", "Ninja", "-DTERN_NESTED=ON", "-DTERN_WERROR=ON", "-DTERN_MODEL=OFF",
         "-DTERN_BACKENDS=cpu;reference", f"-DCMAKE_TOOLCHAIN_FILE={source}/tools/cmake/aarch64-linux-gnu.cmake"])
    run([cmake, "--build", build])
    print(run([sys.executable, source / "tools/check_exact", build, "aarch64-linux-gnu-objdump"]))
    for model in MODELS:
        test(build, *model)


if __name__ == "__main__":
    main()
