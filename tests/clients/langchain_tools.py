# SPDX-License-Identifier: Apache-2.0
"""LangChain's structured output and tools over ChatOpenAI."""
import os
import sys
import traceback
from typing import Literal

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field

llm = ChatOpenAI(model="grok-4", max_tokens=300, temperature=0, max_retries=0, base_url=os.environ["OPENAI_API_BASE"])
failures = 0


class Ticket(BaseModel):
    """A support ticket."""
    title: str = Field(max_length=40)
    priority: Literal["low", "normal", "high"]
    minutes: int = Field(ge=1, le=600)


@tool
def get_weather(city: str) -> str:
    """Current weather of a city."""
    return "21 degrees in " + city


def check(fn):
    global failures
    try:
        fn()
        print("ok langchain", fn.__name__)
    except Exception:
        failures += 1
        print("not ok langchain %s: %s" % (fn.__name__, traceback.format_exc().replace("\n", " | ")))


@check
def structured_output():
    for method in ("json_schema", "function_calling"):
        made = llm.with_structured_output(Ticket, method=method).invoke("The printer is on fire.")
        assert isinstance(made, Ticket), (method, made)


@check
def structured_output_of_a_schema():
    made = llm.with_structured_output({"title": "colour", "type": "object", "properties": {
        "name": {"type": "string", "enum": ["red", "green", "blue"]}}, "required": ["name"]}).invoke("Name a colour.")
    assert made["name"] in ("red", "green", "blue"), made


@check
def json_mode():
    made = llm.with_structured_output(None, method="json_mode").invoke("Return a greeting as a JSON object.")
    assert isinstance(made, dict), made


@check
def tool_loop():
    question = HumanMessage("What is the weather in Paris?")
    asked = llm.bind_tools([get_weather], tool_choice="any").invoke([question])
    assert isinstance(asked, AIMessage) and asked.tool_calls and not asked.invalid_tool_calls, asked
    results = [ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]) for call in asked.tool_calls]
    assert llm.bind_tools([get_weather], tool_choice="none").invoke([question, asked, *results]).content


@check
def streamed_call():
    whole = None
    for chunk in llm.bind_tools([get_weather], tool_choice="get_weather").stream("What is the weather in Rome?"):
        whole = chunk if whole is None else whole + chunk
    assert whole.tool_calls[0]["name"] == "get_weather" and isinstance(whole.tool_calls[0]["args"]["city"], str), whole


sys.exit(1 if failures else 0)
