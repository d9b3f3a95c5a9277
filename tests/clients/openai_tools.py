# SPDX-License-Identifier: Apache-2.0
"""Tools and structured output with the official OpenAI client for Python: what obeys, not what is wise."""
import asyncio
import datetime
import json
import os
import sys
import traceback
from enum import Enum
from typing import Annotated, Literal, Optional, Union

import openai
from openai import pydantic_function_tool
from pydantic import AfterValidator, BaseModel, Field

URL = os.environ["BASE_URL"] + "/v1"
client = openai.OpenAI(base_url=URL, max_retries=0)
chat = client.chat.completions
ASK = [{"role": "user", "content": "What is the weather in Paris?"}]
failures = 0


class Unit(str, Enum):
    celsius = "celsius"
    fahrenheit = "fahrenheit"


class GetWeather(BaseModel):
    """Current weather of a city."""
    city: str = Field(min_length=1, max_length=40)
    unit: Unit


def is_date(text):
    year, month, day = map(int, text.split("-"))
    datetime.date(year or 4, month, day)
    return text


class Place(BaseModel):
    name: str = Field(max_length=30)
    kind: Literal["city", "river", "sea"]


class Event(BaseModel):
    title: str = Field(max_length=40)
    # As RFC 3339 has it: Python's own date knows no year 0, which may come.
    day: Annotated[str, Field(json_schema_extra={"format": "date"}), AfterValidator(is_date)]
    guests: int = Field(ge=0, le=500)
    place: Optional[Place]
    tags: list[Literal["work", "family", "sport"]] = Field(max_length=3)
    value: Union[int, bool]


WEATHER = pydantic_function_tool(GetWeather)
TIME = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}


def check(fn):
    """Runs fn at once and prints how it went."""
    global failures
    try:
        fn()
        print("ok openai-python", fn.__name__)
    except Exception:
        failures += 1
        print("not ok openai-python %s: %s" % (fn.__name__, traceback.format_exc().replace("\n", " | ")))


def results(message):
    return [{"role": "tool", "tool_call_id": call.id, "content": '{"temperature": 21, "sky": "clear"}'}
            for call in message.tool_calls]


@check
def tool_loop():
    first = chat.create(model="grok-4", messages=ASK, tools=[WEATHER, TIME], tool_choice="required", max_tokens=200)
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls" and message.content == "", first
    assert len({call.id for call in message.tool_calls}) == len(message.tool_calls) > 0
    for call in message.tool_calls:
        arguments = json.loads(call.function.arguments)
        assert call.type == "function" and isinstance(arguments, dict)
        if call.function.name == "GetWeather":
            GetWeather(**arguments)
        else:
            assert (call.function.name, arguments) == ("get_time", {})
    answer = chat.create(model="grok-4", messages=[*ASK, message, *results(message)], tools=[WEATHER, TIME],
                         tool_choice="none", max_tokens=100)
    assert answer.choices[0].message.content and not answer.choices[0].message.tool_calls
    assert answer.choices[0].finish_reason in ("stop", "length")


@check
def tool_loop_streamed():
    fields = {"model": "grok-4", "tools": [WEATHER], "temperature": 0, "max_tokens": 200}
    with chat.stream(messages=ASK, tool_choice={"type": "function", "function": {"name": "GetWeather"}}, **fields) as s:
        kinds = [event.type for event in s]
        message = s.get_final_completion().choices[0].message
    assert "tool_calls.function.arguments.done" in kinds, kinds
    assert isinstance(message.tool_calls[0].function.parsed_arguments, GetWeather)
    whole = chat.create(messages=ASK, tool_choice={"type": "function", "function": {"name": "GetWeather"}}, **fields)
    assert whole.choices[0].message.tool_calls[0].function.arguments == message.tool_calls[0].function.arguments
    again = [*ASK, whole.choices[0].message, *results(whole.choices[0].message)]
    with chat.stream(messages=again, tool_choice="none", **fields) as s:
        assert "".join(e.delta for e in s if e.type == "content.delta")


@check
def tools_left_to_the_model():
    for question in ("What is the weather in Paris?", "Hello!", "What is 2 + 2?"):
        choice = chat.create(model="grok-4", messages=[{"role": "user", "content": question}], tools=[WEATHER],
                             max_tokens=200).choices[0]
        for call in choice.message.tool_calls or []:
            if choice.finish_reason == "tool_calls":
                GetWeather(**json.loads(call.function.arguments))
        assert choice.message.tool_calls or choice.message.content
        assert (choice.finish_reason == "tool_calls") >= bool(choice.message.tool_calls) or \
            choice.finish_reason == "length"


@check
def one_call_at_most():
    for _ in range(4):
        calls = chat.create(model="grok-4", messages=ASK, tools=[WEATHER], tool_choice="required", max_tokens=300,
                            parallel_tool_calls=False, temperature=1).choices[0].message.tool_calls
        assert len(calls) == 1, calls


@check
def parse_a_format():
    for _ in range(3):
        reply = chat.parse(model="grok-4", messages=[{"role": "user", "content": "Make up an event."}],
                           response_format=Event, max_tokens=400, temperature=1)
        assert isinstance(reply.choices[0].message.parsed, Event), reply
        assert reply.choices[0].finish_reason == "stop" and reply.choices[0].message.refusal is None


@check
def parse_a_format_streamed():
    with chat.stream(model="grok-4", messages=[{"role": "user", "content": "Make up an event."}],
                     response_format=Event, max_tokens=400, temperature=0) as s:
        kinds = {event.type for event in s}
        final = s.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Event) and "content.done" in kinds, kinds
    whole = chat.parse(model="grok-4", messages=[{"role": "user", "content": "Make up an event."}],
                       response_format=Event, max_tokens=400, temperature=0)
    assert whole.choices[0].message.content == final.choices[0].message.content


@check
def parse_calls():
    reply = chat.parse(model="grok-4", messages=ASK, tools=[WEATHER], tool_choice="required", max_tokens=300)
    assert isinstance(reply.choices[0].message.tool_calls[0].function.parsed_arguments, GetWeather)


@check
def format_and_tools():
    """Either a call that follows its schema, or an answer that follows the format."""
    seen = set()
    for i in range(6):
        choice = chat.parse(model="grok-4", messages=ASK if i % 2 else [{"role": "user", "content": "Hello!"}],
                            tools=[WEATHER], response_format=Event, max_tokens=500, temperature=1).choices[0]
        seen.add(choice.finish_reason)
        if choice.message.tool_calls:
            assert isinstance(choice.message.tool_calls[0].function.parsed_arguments, GetWeather)
        else:
            assert isinstance(choice.message.parsed, Event)
    assert seen <= {"stop", "tool_calls"}, seen


@check
def cut_by_length():
    try:
        chat.parse(model="grok-4", messages=ASK, response_format=Event, max_tokens=4, reasoning_effort="none")
    except openai.LengthFinishReasonError as error:
        assert error.completion.choices[0].message.content.startswith('{"t')
    else:
        raise AssertionError("a cut object cannot be parsed")


@check
def json_object():
    reply = chat.create(model="grok-4", messages=[{"role": "user", "content": "Return a greeting in JSON format"}],
                        response_format={"type": "json_object"}, max_tokens=600, temperature=0)
    if reply.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(reply.choices[0].message.content), dict), reply
    else:
        assert reply.choices[0].message.content.startswith("{")


@check
def functions():
    """What came before tools."""
    message = chat.create(model="grok-4", messages=ASK, functions=[WEATHER["function"]], max_tokens=200,
                          function_call={"name": "GetWeather"}).choices[0].message
    GetWeather(**json.loads(message.function_call.arguments))
    history = [*ASK, {"role": "assistant", "content": None, "function_call": message.function_call.model_dump()},
               {"role": "function", "name": "GetWeather", "content": "21"}]
    assert chat.create(model="grok-4", messages=history, max_tokens=50).choices[0].message.content


@check
def bad_past_call():
    for arguments in ("{", "", "[1]", '{"a": 1, "a": 2}', "not JSON </tool_call>", "\u0000"):
        call = {"id": "call_1", "type": "function", "function": {"name": "GetWeather", "arguments": arguments}}
        history = [*ASK, {"role": "assistant", "content": None, "tool_calls": [call]},
                   {"role": "tool", "tool_call_id": "call_1", "content": "error"}]
        for more in ({}, {"tools": [WEATHER]}):
            assert chat.create(model="grok-4", messages=history, max_tokens=5, **more).choices[0].finish_reason


@check
def refused_schemas():
    cases = (({"type": "string", "pattern": "(?=a)b"}, "/pattern"), ({"$ref": "#/nowhere"}, "$ref"),
             ({"type": "object", "properties": {"a": {"enum": []}}}, "/properties/a/enum"))
    for schema, word in cases:
        try:
            chat.create(model="grok-4", messages=ASK, max_tokens=5, response_format={
                "type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
        except openai.BadRequestError as error:
            assert word in str(error.body), error.body
        else:
            raise AssertionError("%s was taken" % schema)


@check
def sixteen_at_once():
    async def main():
        async with openai.AsyncOpenAI(base_url=URL, max_retries=0) as many:
            jobs = [many.chat.completions.parse(model="grok-4", response_format=Event, max_tokens=400, seed=i,
                                                messages=[{"role": "user", "content": "Event %d" % i}])
                    for i in range(16)]
            return await asyncio.gather(*jobs)
    assert all(isinstance(r.choices[0].message.parsed, Event) for r in asyncio.run(main()))


sys.exit(1 if failures else 0)
