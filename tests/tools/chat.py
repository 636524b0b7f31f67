#!/usr/bin/env python3
"""chat.py TERN: a chat over pipes and in a terminal: what was said before counts, and the commands do what /help says."""
import json
import os
import pathlib
import pty
import select
import signal
import struct
import sys
import tempfile
import time

from gguf_edit import Gguf
from support import SOURCE, expect, expect_line, finish, run

tern = sys.argv[1]
path = SOURCE / "tools/models/tern-stories.gguf"
folder = tempfile.TemporaryDirectory()
saved = pathlib.Path(folder.name, "talk.json")
BASE = ["chat", "-m", path, "--template", "plain", "--greedy", "-n", "12"]


def chat(*lines, args=()):
    done = run(tern, *BASE, *args, stdin="".join(line + "\n" for line in lines).encode())
    expect(done.returncode == 0, f"{lines}", done)
    return done.stdout.decode().split("\n")


def continued(text):
    """What the model says after a text that was put together by hand."""
    done = run(tern, "run", "-m", path, "--greedy", "-n", "12", "--json", "-p", text, "--stop", "\nUser:")
    return json.loads(done.stdout)["text"]


# each answer is the model's continuation of the whole conversation
first = continued("User: Hello\nAssistant:")
second = continued(f"User: Hello\nAssistant: {first.strip()}\nUser: And then?\nAssistant:")
expect(chat("Hello", "And then?") == [first, second, ""], "two questions")
told = continued("Be kind.\n\nUser: Hello\nAssistant:")
expect("\n".join(chat("Hello", args=["--system", "Be kind."])) == told + "\n", "a system's message")
expect("\n".join(chat("/system Be kind.", "Hello")) == told + "\n", "the same by /system")
expect(chat("/system Be kind.", "/system", "Hello") == [first, ""], "and taken back")

# commands
expect(chat("Hello", "/again") == [first, first, ""], "/again, greedy, is the same again")
expect(chat("Hi", "/undo", "Hello")[1:] == [first, ""], "/undo forgets")
expect(chat("Hi", "/clear", "Hello")[1:] == [first, ""], "/clear forgets")
expect(chat("Hel\\", "lo", "/history")[-4:-1] == ["user: Hel", "lo", chat("Hel\\", "lo", "/history")[-2]], "lines are joined")
expect(chat("/again") == ["(nothing was asked yet)", ""], "/again without a question")
expect("/save" in "\n".join(chat("/help")), "/help")
expect("(/nope is no command" in chat("/nope")[0], "an unknown command")
expect(chat("Hello", "/quit", "more") == [first, ""], "/quit ends")

# saved and loaded
chat("Hello", f"/save {saved}")
talk = json.loads(saved.read_text())
expect(talk["tern_chat"] == 1 and talk["messages"][1] == {"role": "assistant", "content": first}, "what is saved")
expect(chat("And then?", args=["--load", saved]) == [second, ""], "--load goes on")
expect(chat(f"/load {saved}", "And then?")[1:] == [second, ""], "/load goes on")
expect(chat("/load nosuch.json", "Hello") == [first, ""], "a failing /load leaves the chat as it is")
for text in ("{", "[]", '{"tern_chat":2,"messages":[]}', '{"tern_chat":1,"messages":[{"role":"pope","content":"x"}]}',
             '{"tern_chat":1,"messages":[{"role":"user"}]}', '{"tern_chat":1,"messages":[{"role":"user","content":"x"},{"role":"system","content":"x"}]}'):
    saved.write_text(text)
    expect_line(text, run(tern, *BASE, "--load", saved, stdin=b""), 1, ["talk.json", "no saved chat"])
done = run(tern, *BASE, stdin=b"Hello\n/save /nosuch/folder/x\n")
expect(done.returncode == 0 and b"cannot be written" in done.stderr, "what cannot be saved is told", done)

# a conversation that no longer fits loses its beginning, and goes on
done = run(tern, *BASE, "--context", "64", stdin=b"".join(b"Tell me about number %d, please.\n" % i for i in range(6)))
expect(done.returncode == 0 and b"are forgotten" in done.stderr and done.stdout.count(b"\n") >= 6, "a full context", done)
done = run(tern, *BASE, "--context", "16", stdin=b"word " * 60 + b"\n")
expect(done.returncode == 1 and b"context" in done.stderr, "a question that is too long", done)

# wrong command lines, and what the model has not
expect_line("template", run(tern, "chat", "--template", "alpaca"), 2, ["alpaca"])
done = run(tern, "chat", "-m", path, "--greedy", "-n", "12", stdin=b"Hello\n")
expect(done.stdout.decode() == first + "\n" and b"no chat template" in done.stderr, "a plain one is offered", done)
for template, family in (("You are kind.\n%s", None), ("%s", "chatml")):
    told = Gguf(path)
    each = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
    value = (template % each).encode()
    told.add_key("tokenizer.chat_template", 8, struct.pack("<Q", len(value)) + value)
    done = run(tern, "chat", "-m", told.save(pathlib.Path(folder.name, "told.gguf")), "--greedy", "-n", "12", stdin=b"Hello\n")
    if family:
        expect(done.returncode == 0 and done.stderr == b"" and done.stdout.decode() != first + "\n", "a template that is known", done)
    else:
        expect(done.stdout.decode() == first + "\n" and b"of no known family" in done.stderr, "one that says more is not", done)


def until(terminal, text, seconds=60):
    seen = b""
    end = time.monotonic() + seconds
    while text not in seen and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                seen += os.read(terminal, 4096)
            except OSError:
                break
    expect(text in seen, f"the terminal shows {text!r}, not {seen[-200:]!r}")
    return seen


# in a terminal: a prompt, timings, and an answer that Ctrl-C ends without ending the chat
child, terminal = pty.fork()
if child == 0:
    os.environ["TERN_CACHE"] = "off"
    os.execv(tern, [tern, *map(str, BASE[:-1]), "1000000", "--context", "512", "--logit-bias", "1=-inf"])
until(terminal, b"\n> ")
os.write(terminal, b"Hello\n")
until(terminal, first.encode()[:12])
os.kill(child, signal.SIGINT)
until(terminal, b"stopped)\r\n> ")
os.write(terminal, b"/quit\n")
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
expect(status == 0, f"Ctrl-C and /quit end with status 0, not {status}")
finish(38)
