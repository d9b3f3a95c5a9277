# SPDX-License-Identifier: Apache-2.0
"""The official OpenAI client for Python."""
import asyncio
import os
import sys
import traceback

import openai

URL = os.environ["BASE_URL"] + "/v1"
client = openai.OpenAI(base_url=URL, max_retries=0)
HELLO = [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": "Hello!"}]
failures = 0


def check(fn):
    """Runs fn at once and prints how it went."""
    global failures
    try:
        fn()
        print("ok openai-python", fn.__name__)
    except Exception:
        failures += 1
        print("not ok openai-python %s: %s" % (fn.__name__, traceback.format_exc().replace("\n", " | ")))


@check
def plain():
    reply = client.chat.completions.create(model="grok-3-beta", messages=HELLO, max_tokens=40)
    assert reply.choices[0].message.content and reply.choices[0].message.role == "assistant"
    assert reply.choices[0].finish_reason in ("stop", "length")
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert reply.choices[0].message.refusal is None and reply.system_fingerprint.startswith("fp_")


@check
def streamed():
    stream = client.chat.completions.create(model="grok-4", messages=HELLO, max_tokens=30, stream=True,
                                            stream_options={"include_usage": True}, temperature=0)
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    whole = client.chat.completions.create(model="grok-4", messages=HELLO, max_tokens=30, temperature=0)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


@check
def stream_helper():
    with client.chat.completions.stream(model="grok-4", messages=HELLO, max_tokens=20) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert "content.delta" in kinds and final.choices[0].message.content


@check
def logprobs():
    reply = client.chat.completions.create(model="grok-4", messages=HELLO, max_tokens=3, logprobs=True, top_logprobs=2)
    assert all(len(t.top_logprobs) == 2 and t.logprob <= 0 for t in reply.choices[0].logprobs.content)


@check
def several_choices():
    reply = client.chat.completions.create(model="grok-4", messages=HELLO, max_tokens=5, n=2, seed=3)
    assert [c.index for c in reply.choices] == [0, 1]


@check
def models():
    listed = client.models.list().data
    assert listed and client.models.retrieve("grok-2-latest").id == listed[0].id


@check
def closing_a_stream_early():
    stream = client.chat.completions.create(model="grok-4", messages=HELLO, stream=True)
    next(iter(stream))
    stream.close()


@check
def errors():
    wrong = openai.OpenAI(base_url=URL, api_key="xai-wrong", max_retries=0)
    cases = ((openai.BadRequestError, lambda: wrong.models.list()),
             (openai.NotFoundError, lambda: client.chat.completions.create(model="gpt-9", messages=HELLO)),
             (openai.BadRequestError, lambda: client.chat.completions.create(model="grok-4", messages=[])),
             (openai.UnprocessableEntityError, lambda: client.chat.completions.create(model="grok-4", messages="no")),
             (openai.BadRequestError, lambda: client.chat.completions.create(model="grok-4", messages=HELLO, n=10000)))
    for expected, call in cases:
        try:
            call()
        except expected as error:
            assert isinstance(error.body, (str, dict)) and error.request_id, error
        else:
            raise AssertionError("%s was expected" % expected)


@check
def sixteen_at_once():
    async def main():
        async with openai.AsyncOpenAI(base_url=URL) as many:
            jobs = [many.chat.completions.create(model="grok-4", messages=[{"role": "user", "content": "Say %d" % i}],
                                                 max_tokens=10) for i in range(16)]
            return await asyncio.gather(*jobs)
    assert all(r.choices[0].message.content is not None for r in asyncio.run(main()))


sys.exit(1 if failures else 0)
