#!/usr/bin/env python3
"""Writes chat.json, what unit/chat_test.c expects: conversations rendered by Jinja (needs jinja2).

The templates are the shortest that write each family's published format, in the words that the published ones use:
bitnet from microsoft/bitnet-b1.58-2B-4T, falcon3 from tiiuae/Falcon3-3B-Instruct, qwen3 from Qwen/Qwen3-8B, zephyr from
HuggingFaceH4/zephyr-7b-beta, the others from the documentation of their formats."""
import json
import pathlib

import jinja2

EACH = "{% for message in messages %}"
REPLY = "{% if add_generation_prompt %}"
CHATML = (EACH + "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}"
          + REPLY + "{{ '<|im_start|>assistant\n' }}{% endif %}")
PHI = (EACH + "{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}{% endfor %}" + REPLY
       + "{{ '<|assistant|>\n' }}{% endif %}")
TEMPLATES = {
    "bitnet": EACH + "{% set content = message['role'] | capitalize + ': ' + message['content'] | trim + '<|eot_id|>' %}"
              "{% if loop.first %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
              + REPLY + "{{ 'Assistant: ' }}{% endif %}",
    "llama3": "{{ bos_token }}" + EACH + "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' "
              "+ message['content'] | trim + '<|eot_id|>' }}{% endfor %}" + REPLY
              + "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
    "qwen3": EACH + "{% set content = message['content'] %}{% if message['role'] == 'assistant' and not loop.last %}"
             "{% set content = content.split('</think>')[-1].lstrip('\n') %}{% endif %}"
             "{{ '<|im_start|>' + message['role'] + '\n' + content + '<|im_end|>\n' }}{% endfor %}" + REPLY
             + "{{ '<|im_start|>assistant\n' }}{% if enable_thinking is defined and enable_thinking is false %}"
             "{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}",
    "qwen2.5": "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. "
               "You are a helpful assistant.<|im_end|>\n' }}{% endif %}" + CHATML,
    "chatml": CHATML,
    "gemma": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set first = messages[0]['content'] | trim + '\n\n' %}"
             "{% set rest = messages[1:] %}{% else %}{% set first = '' %}{% set rest = messages %}{% endif %}"
             "{% for message in rest %}{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else 'user') + '\n' "
             "+ (first if loop.first else '') + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}" + REPLY
             + "{{ '<start_of_turn>model\n' }}{% endif %}",
    "phi3": "{{ bos_token }}" + PHI,
    "phi3.5": PHI,
    "zephyr": EACH + "{% if message['role'] == 'user' %}{{ '<|user|>\n' + message['content'] + eos_token + '\n' }}"
              "{% elif message['role'] == 'system' %}{{ '<|system|>\n' + message['content'] + eos_token + '\n' }}"
              "{% else %}{{ '<|assistant|>\n' + message['content'] + eos_token + '\n' }}{% endif %}{% endfor %}"
              + REPLY + "{{ '<|assistant|>\n' }}{% endif %}",
    "falcon3": EACH + "{% if message['role'] == 'system' %}{{ '<|system|>\n' + message['content'] + '\n' }}"
               "{% elif message['role'] == 'user' %}{{ '<|user|>\n' + message['content'] + '\n' }}"
               "{% else %}{{ '<|assistant|>\n' + message['content'] + eos_token + ('' if loop.last else '\n') }}{% endif %}"
               "{% endfor %}" + REPLY + "{{ '<|assistant|>\n' }}{% endif %}",
}


def talk(*contents, system=None):
    roles = ("user", "assistant")
    messages = [{"role": "system", "content": system}] if system is not None else []
    return messages + [{"role": roles[i % 2], "content": text} for i, text in enumerate(contents)]


TALKS = [talk("Hello"), talk(" Hi \n", "Yes? ", "A\n\nb"), talk("Hello", "Hi", system="Be brief."),
         talk("Hello", "Hi"),
         talk("1+1?", "<think>\nhm\n</think>\n\n2", "And 2+2?", system=" You add. ")]
cases = []
for family, text in TEMPLATES.items():
    program = jinja2.Environment().from_string(text)
    for messages in TALKS:
        if family == "qwen3" and len(messages) == 2:
            continue  # the published one wraps a last answer for training
        for reply in (True, False):
            for think in ((None, False) if family == "qwen3" and reply else (None,)):
                words = {} if think is None else {"enable_thinking": think}
                rendered = program.render(messages=messages, add_generation_prompt=reply, bos_token="<s>", eos_token="</s>", **words)
                cases.append({"family": family, "reply": reply, "think": think is None, "messages": messages, "text": rendered})
pathlib.Path(__file__).with_name("chat.json").write_text(json.dumps({"templates": TEMPLATES, "cases": cases}, indent=0) + "\n")
