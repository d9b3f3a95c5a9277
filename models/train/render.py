# SPDX-License-Identifier: Apache-2.0
"""The chat template in plain Python, cut into spans that say what is learned.

`test_generate.py` holds this file and `chat_template.jinja` to the same text.
"""
import json

START, END = "<|im_start|>", "<|im_end|>"
TOOLS_HEAD = "You can call these tools:\n<tools>\n"
TOOLS_TAIL = ('</tools>\nTo call one, write:\n<tool_call>\n{"name": "tool name", "arguments": '
              '{...}}'
              '\n</tool_call>')


def text_of(content):
    """Text of a content that is a string, a list of parts, or nothing."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    return "".join(part if isinstance(part, str) else part.get("text", "") for part in content)


def dumps(value):
    """JSON as the chat templates of transformers write it."""
    return json.dumps(value, ensure_ascii=False)


def calls_text(message):
    """Tool calls of an assistant message, one block each, with a line break between blocks."""
    blocks = []
    for call in message.get("tool_calls") or ():
        call = call.get("function") or call
        arguments = call["arguments"]
        arguments = arguments if isinstance(arguments, str) else dumps(arguments)
        blocks.append(f'<tool_call>\n{{"name": "{call["name"]}", "arguments": {arguments}}}\n</tool_call>')
    return "\n".join(blocks)


def assistant_text(message, is_after_question):
    """Thoughts (only behind the last question), content and calls of one message."""
    content, calls = text_of(message.get("content")), calls_text(message)
    thoughts = message.get("reasoning_content")
    head = f"<think>\n{thoughts.strip()}\n</think>\n\n" if thoughts and is_after_question else ""
    return head + content + ("\n" if content and calls else "") + calls


def spans(messages, tools=(), add_generation_prompt=False, think=False):
    """List of (text, is_learned); learned are the words of the assistant and its end mark."""
    out = []
    if tools:
        lines = "".join(dumps(tool) + "\n" for tool in tools)
        out.append((f"{START}system\n{TOOLS_HEAD}{lines}{TOOLS_TAIL}{END}\n", False))
    last_user = max((i for i, m in enumerate(messages) if m["role"] == "user"), default=-1)
    for i, message in enumerate(messages):
        role = "system" if message["role"] == "developer" else message["role"]
        if role == "assistant":
            out.append((f"{START}assistant\n", False))
            text = assistant_text(message, i > last_user)
            if text.startswith("<think>\n"):
                out.append(("<think>\n", False))
                text = text[len("<think>\n"):]
            out.append((text + END, True))
            out.append(("\n", False))
        elif role == "tool":
            content = text_of(message.get("content"))
            out.append((f"{START}tool\n<tool_response>\n{content}\n</tool_response>{END}\n", False))
        else:
            out.append((f"{START}{role}\n{text_of(message.get('content'))}{END}\n", False))
    if add_generation_prompt:
        out.append((f"{START}assistant\n" + ("<think>\n" if think else ""), False))
    return out


def render(messages, tools=(), add_generation_prompt=False, think=False):
    """The prompt as one string."""
    return "".join(text for text, _ in spans(messages, tools, add_generation_prompt, think))
