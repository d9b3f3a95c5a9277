# SPDX-License-Identifier: Apache-2.0
"""LangChain's ChatOpenAI, pointed here by its environment variables."""
import asyncio
import os
import sys
import traceback

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI

llm = ChatOpenAI(model="grok-beta", max_tokens=50, temperature=0, base_url=os.environ["OPENAI_API_BASE"])
failures = 0


def check(fn):
    global failures
    try:
        fn()
        print("ok langchain", fn.__name__)
    except Exception:
        failures += 1
        print("not ok langchain %s: %s" % (fn.__name__, traceback.format_exc().replace("\n", " | ")))


@check
def invoke():
    reply = llm.invoke("Write a story about a brave knight.")
    assert reply.content and reply.usage_metadata["total_tokens"] > 0
    assert reply.response_metadata["finish_reason"] in ("stop", "length")


@check
def messages_in_any_order():
    reply = llm.invoke([HumanMessage("My name is Ann."), AIMessage("Hello Ann."), SystemMessage("Be short."),
                        HumanMessage("Hello again.")])
    assert reply.content


@check
def stream():
    parts = list(llm.stream("Count from 1 to 5."))
    assert "".join(p.content for p in parts) == llm.invoke("Count from 1 to 5.").content


@check
def batch():
    assert len(llm.batch(["Hello", "Good morning", "Good night"])) == 3


@check
def asynchronous():
    assert asyncio.run(llm.ainvoke("Hello")).content


@check
def stop():
    assert "3" not in llm.invoke("Count from 1 to 5.", stop=["3"]).content


sys.exit(1 if failures else 0)
