# SPDX-License-Identifier: Apache-2.0
"""The Responses API with the official OpenAI client for Python."""
import asyncio
import json
import os
import sys
import traceback
from typing import Literal

import openai
from openai import pydantic_function_tool
from pydantic import BaseModel, Field

URL = os.environ["BASE_URL"] + "/v1"
client = openai.OpenAI(base_url=URL, max_retries=0)
responses = client.responses
failures = 0


class City(BaseModel):
    name: str = Field(max_length=30)
    kind: Literal["capital", "town"]
    people: int = Field(ge=0, le=50000000)


class GetWeather(BaseModel):
    """Current weather of a city."""
    city: str = Field(min_length=1, max_length=40)


WEATHER = {"type": "function", "name": "get_weather", "description": "Current weather of a city.",
           "parameters": GetWeather.model_json_schema(), "strict": True}


def check(fn):
    """Runs fn at once and prints how it went."""
    global failures
    try:
        fn()
        print("ok openai-python responses", fn.__name__)
    except Exception:
        failures += 1
        print("not ok openai-python responses %s: %s" % (fn.__name__, traceback.format_exc().replace("\n", " | ")))


@check
def create():
    reply = responses.create(model="grok-4", input="Hello!", max_output_tokens=40)
    assert reply.output_text and reply.status in ("completed", "incomplete")
    assert reply.output[0].type == "message" and reply.output[0].content[0].type == "output_text"
    assert reply.usage.total_tokens == reply.usage.input_tokens + reply.usage.output_tokens


@check
def retrieve_and_delete():
    made = responses.create(model="grok-4", input=[{"role": "user", "content": "Hello!"}], max_output_tokens=10)
    assert responses.retrieve(made.id) == made
    items = responses.input_items.list(made.id).data
    assert [i.content[0].text for i in items] == ["Hello!"]
    responses.delete(made.id)
    for gone in (responses.retrieve, responses.delete, responses.input_items.list):
        try:
            gone(made.id)
        except openai.NotFoundError:
            pass
        else:
            raise AssertionError("%s still finds it" % gone)


@check
def pages_of_input_items():
    given = [{"role": "user", "content": "Say %d." % i} for i in range(25)]
    made = responses.create(model="grok-4", input=given, max_output_tokens=2)
    read = [i.content[0].text for i in responses.input_items.list(made.id, order="asc", limit=7)]
    assert read == [i["content"] for i in given], read


@check
def streamed():
    events = list(responses.create(model="grok-4", input="Hello!", stream=True, temperature=0, max_output_tokens=30))
    assert [e.sequence_number for e in events] == list(range(len(events)))
    assert type(events[0]).__name__ == "ResponseCreatedEvent", type(events[0])
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert text == events[-1].response.output_text
    assert text == responses.create(model="grok-4", input="Hello!", temperature=0, max_output_tokens=30).output_text


@check
def stream_helper():
    with responses.stream(model="grok-4", input="Hello!", max_output_tokens=20) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created" and kinds[-1] in ("response.completed", "response.incomplete")
    assert final.output_text and responses.retrieve(final.id).output_text == final.output_text


@check
def previous_response():
    first = responses.create(model="grok-4", input="Hello!", instructions="Be short.", max_output_tokens=10)
    second = responses.create(model="grok-4", input="And now?", previous_response_id=first.id, max_output_tokens=10)
    assert second.previous_response_id == first.id
    assert second.usage.input_tokens > first.usage.input_tokens + first.usage.output_tokens


@check
def parse():
    reply = responses.parse(model="grok-4", input="Make up a city.", text_format=City, max_output_tokens=300)
    assert isinstance(reply.output_parsed, City), reply


@check
def parse_streamed():
    with responses.stream(model="grok-4", input="Make up a city.", text_format=City, max_output_tokens=300) as stream:
        for _ in stream:
            pass
        assert isinstance(stream.get_final_response().output_parsed, City)


@check
def parsed_tool():
    reply = responses.parse(model="grok-4", input="Weather in Paris?", tool_choice="required", max_output_tokens=200,
                            tools=[pydantic_function_tool(GetWeather)])
    assert isinstance(reply.output[0].parsed_arguments, GetWeather), reply


def weather_loop(**carry):
    """Asks, answers the call, asks on; with the whole history or with the id alone."""
    history = [{"role": "user", "content": "What is the weather in Paris?"}]
    first = responses.create(model="grok-4", input=history, tools=[WEATHER], tool_choice="required",
                             max_output_tokens=200, **carry)
    call = first.output[-1]
    assert call.type == "function_call" and call.status == "completed", first
    GetWeather.model_validate(json.loads(call.arguments))
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees, clear"}
    if carry:
        more = {"input": [*history, *first.output, result], **carry}
    else:
        more = {"input": [result], "previous_response_id": first.id}
    return responses.create(model="grok-4", tools=[WEATHER], tool_choice="none", max_output_tokens=40, **more)


@check
def tools_with_the_id():
    assert weather_loop().output_text


@check
def tools_with_the_history():
    assert weather_loop(store=False, include=["reasoning.encrypted_content"]).output_text


@check
def logprobs():
    reply = responses.create(model="grok-4", input="Hello!", max_output_tokens=3, top_logprobs=2,
                             include=["message.output_text.logprobs"])
    tokens = reply.output[0].content[0].logprobs
    assert tokens and all(len(t.top_logprobs) == 2 and t.logprob <= 0 for t in tokens)
    assert "".join(t.token for t in tokens) == reply.output_text


@check
def errors():
    cases = ((openai.NotFoundError, {"previous_response_id": "resp_nobody"}), (openai.BadRequestError, {"model": "gpt"}),
             (openai.BadRequestError, {"background": True}), (openai.UnprocessableEntityError, {"input": 1}),
             (openai.BadRequestError, {"tools": [{"type": "web_search"}]}))
    for expected, fields in cases:
        try:
            responses.create(**{"model": "grok-4", "input": "Hello!", **fields})
        except expected as error:
            assert error.body and error.request_id, error
        else:
            raise AssertionError("%s was expected" % expected)


@check
def sixteen_at_once():
    async def one(many, i):
        stream = await many.responses.create(model="grok-4", input="Say %d" % i, max_output_tokens=10, stream=True)
        return [event async for event in stream][-1].response

    async def main():
        async with openai.AsyncOpenAI(base_url=URL) as many:
            made = await asyncio.gather(*(one(many, i) for i in range(16)))
            return made, await asyncio.gather(*(many.responses.retrieve(m.id) for m in made))
    made, read = asyncio.run(main())
    assert [m.output_text for m in made] == [r.output_text for r in read]


sys.exit(1 if failures else 0)
