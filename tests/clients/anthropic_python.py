# SPDX-License-Identifier: Apache-2.0
"""The official Anthropic client for Python."""
import asyncio
import os
import sys
import traceback
from typing import Literal

import anthropic
from pydantic import BaseModel

URL, KEY = os.environ["BASE_URL"], os.environ["XAI_API_KEY"]
client = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0)
HELLO = [{"role": "user", "content": "Hello!"}]
GREEDY = {"temperature": 0}             # newer clients have no argument of that name
WEATHER = {"name": "get_weather", "description": "Current weather of a city",
           "input_schema": {"type": "object", "properties": {"city": {"type": "string", "maxLength": 40}},
                            "required": ["city"]}}
failures = 0


def check(fn):
    """Runs fn at once and prints how it went."""
    global failures
    try:
        fn()
        print("ok anthropic-python", fn.__name__)
    except Exception:
        failures += 1
        print("not ok anthropic-python %s: %s" % (fn.__name__, traceback.format_exc().replace("\n", " | ")))


def ask(**fields):
    return client.messages.create(**{"model": "grok-4", "max_tokens": 60, "messages": HELLO, "extra_body": GREEDY,
                                     **fields})


@check
def plain():
    reply = ask(system="You are a helpful assistant.")
    assert (reply.type, reply.role, reply.stop_reason, reply.stop_sequence) == ("message", "assistant", "end_turn", None)
    assert reply.content[0].type == "text" and reply.content[0].text
    assert reply.usage.input_tokens + reply.usage.cache_read_input_tokens > 0 and reply.usage.output_tokens > 0
    assert reply._request_id == reply.id


@check
def streamed():
    events = list(ask(stream=True))
    text = "".join(e.delta.text for e in events if e.type == "content_block_delta")
    assert text == ask().content[0].text
    assert [e.type for e in events[:2]] == ["message_start", "content_block_start"]
    assert [e.type for e in events[-3:]] == ["content_block_stop", "message_delta", "message_stop"]


@check
def stream_helper():
    with client.messages.stream(model="grok-4", max_tokens=60, messages=HELLO, extra_body=GREEDY) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    whole = ask()
    assert text == final.content[0].text == whole.content[0].text
    assert (final.stop_reason, final.usage.output_tokens) == (whole.stop_reason, whole.usage.output_tokens)


@check
def stop_sequences():
    reply = ask(stop_sequences=["zzz", "help"])
    assert (reply.stop_reason, reply.stop_sequence) == ("stop_sequence", "help"), reply
    with client.messages.stream(model="grok-4", max_tokens=60, messages=HELLO, extra_body=GREEDY,
                                stop_sequences=["help"]) as stream:
        final = stream.get_final_message()
    assert final.stop_sequence == "help" and final.content[0].text == reply.content[0].text


@check
def max_tokens():
    reply = ask(max_tokens=2)
    assert (reply.stop_reason, reply.usage.output_tokens) == ("max_tokens", 2)


@check
def thinking():
    fields = {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    reply = ask(**fields)
    assert [b.type for b in reply.content] == ["thinking", "text"] and reply.content[0].signature
    with client.messages.stream(model="grok-4", messages=HELLO, extra_body=GREEDY, **fields) as stream:
        final = stream.get_final_message()
    assert [b.model_dump() for b in final.content] == [b.model_dump() for b in reply.content]
    again = [*HELLO, {"role": "assistant", "content": reply.content}, {"role": "user", "content": "And now?"}]
    assert ask(messages=again, **fields).content


def run_tools(reply, messages):
    assert reply.stop_reason == "tool_use", reply
    uses = [b for b in reply.content if b.type == "tool_use"]
    assert uses and all(isinstance(u.input["city"], str) for u in uses) and len({u.id for u in uses}) == len(uses)
    return [*messages, {"role": "assistant", "content": reply.content},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": u.id, "content": "21 degrees, clear"}
                                         for u in uses]}]


@check
def tools_loop():
    messages = [{"role": "user", "content": "What is the weather in Paris?"}]
    for choice in ({"type": "any"}, {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True}):
        reply = ask(messages=messages, tools=[WEATHER], tool_choice=choice, max_tokens=200)
        after = ask(messages=run_tools(reply, messages), tools=[WEATHER], tool_choice={"type": "none"})
        assert after.stop_reason in ("end_turn", "max_tokens") and after.content[0].type == "text"


@check
def tools_streamed():
    messages = [{"role": "user", "content": "What is the weather in Paris?"}]
    with client.messages.stream(model="grok-4", max_tokens=200, messages=messages, tools=[WEATHER],
                                tool_choice={"type": "any"}) as stream:
        kinds = [event.type for event in stream]
        reply = stream.get_final_message()
    assert "input_json" in kinds
    assert ask(messages=run_tools(reply, messages), tools=[WEATHER], tool_choice={"type": "none"}).content


@check
def failed_tool():
    messages = [{"role": "user", "content": "What is the weather in Paris?"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "get_weather",
                                                   "input": {"city": "Paris"}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "is_error": True,
                                              "content": [{"type": "text", "text": "no connection"}]}]}]
    assert ask(messages=messages, tools=[WEATHER], tool_choice={"type": "none"}).stop_reason in ("end_turn", "max_tokens")


@check
def parse():
    # The client takes limits of lengths out of the schema: nothing here may grow without end.
    class Person(BaseModel):
        name: Literal["Ann", "Bob"]
        is_tall: bool

    reply = client.messages.parse(model="grok-4", max_tokens=200, messages=HELLO, output_format=Person)
    assert isinstance(reply.parsed_output, Person), reply


@check
def count_tokens():
    for fields in ({}, {"system": "Be kind."}, {"tools": [WEATHER]}):
        count = client.messages.count_tokens(model="grok-4", messages=HELLO, **fields).input_tokens
        usage = ask(max_tokens=1, **fields).usage
        assert count == usage.input_tokens + usage.cache_read_input_tokens


@check
def legacy_completion():
    # The example of the documents: no client has an argument `max_tokens` there, so it is sent as it is written.
    reply = client.post("/v1/complete", cast_to=object, body={
        "model": "grok-beta", "prompt": "How do I differentiate between an adverb and an adjective?", "max_tokens": 128})
    assert reply["completion"] and reply["stop_reason"] in ("stop_sequence", "max_tokens")


@check
def closing_a_stream_early():
    stream = ask(stream=True)
    next(iter(stream))
    stream.close()


@check
def keys():
    bearer = anthropic.Anthropic(base_url=URL, api_key=None, auth_token=KEY, max_retries=0)
    assert bearer.messages.create(model="grok-4", max_tokens=1, messages=HELLO).id


@check
def errors():
    wrong = anthropic.Anthropic(base_url=URL, api_key="xai-wrong", max_retries=0)
    image = [{"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}]
    cases = ((anthropic.AuthenticationError, lambda: wrong.messages.create(model="m", max_tokens=1, messages=HELLO)),
             (anthropic.NotFoundError, lambda: ask(model="gpt-9")),
             (anthropic.BadRequestError, lambda: ask(messages=[])),
             (anthropic.BadRequestError, lambda: ask(messages=[{"role": "user", "content": image}])),
             (anthropic.BadRequestError, lambda: ask(max_tokens=0)),
             (anthropic.UnprocessableEntityError, lambda: ask(extra_body={"temperature": "hot"})),
             (anthropic.NotFoundError, lambda: client.post("/v1/messages/batches", cast_to=object, body={})))
    for expected, call in cases:
        try:
            call()
        except expected as error:
            assert error.body["type"] == "error" and error.body["error"]["type"] and error.body["error"]["message"]
            assert error.request_id == error.body["request_id"], error
        else:
            raise AssertionError("%s was expected" % expected)


@check
def eight_at_once():
    async def main():
        async with anthropic.AsyncAnthropic(base_url=URL, api_key=KEY) as many:
            return await asyncio.gather(*(many.messages.create(model="grok-4", max_tokens=10, messages=[
                {"role": "user", "content": "Say %d" % i}]) for i in range(8)))
    assert all(reply.type == "message" for reply in asyncio.run(main()))


sys.exit(1 if failures else 0)
