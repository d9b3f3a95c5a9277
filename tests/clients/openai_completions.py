# SPDX-License-Identifier: Apache-2.0
"""The official OpenAI client for Python: legacy completions."""
import os
import sys
import traceback

import openai

client = openai.OpenAI(base_url=os.environ["BASE_URL"] + "/v1", max_retries=0)
PROMPT = "The capital of France is"
failures = 0


def check(fn):
    """Runs fn at once and prints how it went."""
    global failures
    try:
        fn()
        print("ok openai-completions", fn.__name__)
    except Exception:
        failures += 1
        print("not ok openai-completions %s: %s" % (fn.__name__, traceback.format_exc().replace("\n", " | ")))


@check
def plain():
    reply = client.completions.create(model="grok-3", prompt=PROMPT, max_tokens=8, temperature=0)
    assert reply.object == "text_completion" and reply.choices[0].text
    assert reply.choices[0].finish_reason in ("stop", "length") and reply.choices[0].logprobs is None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert reply.system_fingerprint.startswith("fp_")


@check
def streamed():
    asked = dict(model="grok-3", prompt=[PROMPT, "One, two,"], n=2, max_tokens=12, seed=3)
    chunks = list(client.completions.create(stream=True, stream_options={"include_usage": True}, **asked))
    whole = client.completions.create(**asked)
    for choice in whole.choices:
        text = "".join(c.text for chunk in chunks for c in chunk.choices if c.index == choice.index)
        assert text == choice.text
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


@check
def logprobs():
    choice = client.completions.create(model="grok-3", prompt=PROMPT, max_tokens=5, logprobs=2).choices[0]
    got = choice.logprobs
    assert len(got.tokens) == len(got.token_logprobs) == len(got.top_logprobs) == len(got.text_offset)
    assert all(token in top for token, top in zip(got.tokens, got.top_logprobs))


@check
def echo_of_token_ids():
    reply = client.completions.create(model="grok-3", prompt=[[918], [918, 220]], echo=True, max_tokens=1)
    assert [c.text.startswith("Hello") for c in reply.choices] == [True, True]


@check
def stop():
    asked = dict(model="grok-3", prompt="One, two, three,", max_tokens=30, temperature=0)
    text = client.completions.create(**asked).choices[0].text
    cut = client.completions.create(stop=text[2:4], **asked).choices[0]
    assert cut.text == text[:text.index(text[2:4])] and cut.finish_reason == "stop"


@check
def errors():
    cases = ((openai.NotFoundError, dict(model="gpt-9", prompt="a")),
             (openai.UnprocessableEntityError, dict(model="grok-3", prompt={"a": 1})),
             (openai.BadRequestError, dict(model="grok-3", prompt=["a"] * 10000)),
             (openai.BadRequestError, dict(model="grok-3", prompt="a", suffix="b")),
             (openai.BadRequestError, dict(model="grok-3", prompt="a", best_of=3)))
    for expected, asked in cases:
        try:
            client.completions.create(**asked)
        except expected as error:
            assert isinstance(error.body, (str, dict)) and error.request_id, error
        else:
            raise AssertionError("%s was expected" % expected)


sys.exit(1 if failures else 0)
