"""What the tests of the program `tern` share: running it, and expectations that say what came instead."""
import os
import pathlib
import resource
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("TERN_TEST_DATA") or SOURCE / "../shared")
# Of address space: far above what small files need, far below what their lies ask for. Sanitizers reserve more.
LIMIT = resource.RLIM_INFINITY if os.environ.get("TERN_TESTS_SANITIZED") else 3 << 30
failures = []


def find_model(name):
    """A model below tests/golden, or of the test data; without it the test is skipped, by name."""
    for path in [*SOURCE.glob(f"tests/golden/**/{name}"), DATA / "models" / name]:
        if path.is_file():
            return path
    print(f"skipped: {name} is neither in tests/golden nor in {DATA}/models")
    sys.exit(77)


def run(program, *args, env=None, stdin=None):
    """Runs the program in an environment without options of ours but |env|, and with nothing kept from earlier."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TERN_")}
    clean["TERN_CACHE"] = "off"
    clean.update(env or {})
    return subprocess.run([program, *map(str, args)], env=clean, input=stdin, capture_output=True, timeout=300,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT)))


def expect(condition, what, done=None):
    if not condition:
        shown = f"\n    status {done.returncode}, stderr {done.stderr!r}, stdout {done.stdout[:200]!r}" if done else ""
        failures.append(what)
        print(f"FAILED {what}{shown}")


def expect_line(what, done, status, words):
    """One line on stderr that holds every one of |words|, nothing on stdout, and this exit status."""
    text = done.stderr.decode(errors="replace")
    expect(done.returncode == status, f"{what}: exit status {status}", done)
    expect(text.count("\n") == 1 and text.endswith("\n"), f"{what}: exactly one line on stderr", done)
    expect(done.stdout == b"", f"{what}: nothing on stdout", done)
    for word in words:
        expect(word.lower() in text.lower(), f"{what}: the line has '{word}'", done)


def finish(count):
    print(f"{count} cases, {len(failures)} failures")
    sys.exit(1 if failures else 0)
