# SPDX-License-Identifier: Apache-2.0
"""LangChain's standard integration tests of chat models (langchain-tests), with its clients of three
dialects, against the bundled model.

What the bundled model is too small to say is in WISE, by the test's name and with the reason: there a
script speaks in its place (tests/scripted), so that the wire is tested all the same. What no model
here can take (images, audio, files) is said by the properties of the suite and skipped by it.
The suite knows nothing of what one dialect has alone: conversations that are kept, thoughts that
come back. A few tests of ours on the same clients do that.
"""
import json
import os
import pathlib
import sys

sys.dont_write_bytecode = True
import pytest  # noqa: E402
from langchain_anthropic import ChatAnthropic  # noqa: E402
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage  # noqa: E402
from langchain_core.tools import tool  # noqa: E402
from langchain_openai import ChatOpenAI  # noqa: E402
from langchain_tests.integration_tests import ChatModelIntegrationTests  # noqa: E402
from langchain_xai import ChatXAI  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
from grokd import Scripted  # noqa: E402

NAME = "langchain-standard"
EVERY = ("TestOpenAI", "TestResponses", "TestXai", "TestAnthropic")
SCHEMA = ("TestOpenAI", "TestResponses")        # their structured output is a schema, not a forced tool
ENDLESS = "a schema whose strings have no limit: the model does not end them within max_tokens"
JOKE_KEYS = "asks in words for the members \"setup\" and \"punchline\": the model names others"
COPIES = "must copy %s from the question into the arguments: the model invents its own"
WISE = {
    "test_tool_calling": (EVERY, COPIES % "the number 3"),
    "test_tool_calling_async": (EVERY, COPIES % "the number 3"),
    "test_unicode_tool_call_integration": (EVERY, COPIES % "Chinese and Japanese names"),
    "test_json_mode": (("TestOpenAI", "TestResponses", "TestXai"), JOKE_KEYS),
    "test_structured_output": (SCHEMA, ENDLESS),
    "test_structured_output_async": (SCHEMA, ENDLESS),
    "test_structured_output_optional_param": (SCHEMA, ENDLESS),
}
SERVERS = {"model": ("BASE_URL", "XAI_API_KEY"), "script": ("SCRIPT_URL", "SCRIPT_KEY")}
LONG = "You are a patient helper. " * 40
WHY_MAX = 600           # characters


# ---- what the script says ----

def call(name, **arguments):
    return [{"call": {"id": "call_1", "name": name, "arguments": json.dumps(arguments)}}, {"finish": "tool_calls"}]


def scripts():
    """By the text of the question, as the suite words it."""
    joke = [{"text": '{"setup": "Why did the cat '}, {"text": 'sit on the mouse?", "punch'},
            {"text": 'line": "It was warm."}'}, {"finish": "stop"}]
    customer = "Create a customer named '%s' (%s) - a %s"
    names = (("你好啊集团", "Hello Group", "Chinese technology company"),
             ("こんにちは株式会社", "Hello Corporation", "Japanese company"))
    return {
        "What is the value of magic_function(3)? Use the tool.": call("magic_function", input=3),
        **{customer % n: call("unicode_customer", customer_name=n[0], description=n[2]) for n in names},
        "Tell me a joke about cats. Return the result as a JSON with 'setup' and 'punchline' keys. Return nothing "
        "other than JSON.": joke,
        "Tell me a joke about cats.": joke,
        "Give me a joke about cats, include the punchline.": joke,
        "Give me the setup to a joke about cats, no punchline.":
            [{"text": '{"setup": "Why did the cat sit?", '}, {"text": '"punchline": null}'}, {"finish": "stop"}],
    }


@tool
def get_weather(city: str) -> str:
    """Current weather of a city."""
    return "21 degrees in " + city


# ---- the suite, for each client ----

class Base(ChatModelIntegrationTests):
    kwargs = {}
    no_call = "none"                        # the client's word for a tool_choice that forbids calls
    supports_json_mode = True
    supports_anthropic_inputs = True
    model_override_value = "grokd-mini"     # the name that answers; "grok-4" is another name of it
    thinks = []                             # "reasoning_output" where the client counts it as grokd does

    @pytest.fixture(autouse=True)
    def choose_server(self, request):
        self.test = request.function.__name__
        clients, _ = WISE.get(self.test, ((), None))
        url, key = SERVERS["script" if type(self).__name__ in clients else "model"]
        self.url, self.key = os.environ[url], os.environ[key]

    @property
    def standard_chat_model_params(self):
        return {"temperature": 0, "max_tokens": 200, "max_retries": 0, "timeout": 30}

    @property
    def chat_model_params(self):
        return {"model": "grok-4", "base_url": self.url + "/v1", "api_key": self.key, **self.kwargs}

    @property
    def structured_output_kwargs(self):
        # This client makes a class of pydantic 1 from a forced tool only; its default is a schema.
        return {"method": "function_calling"} if self.test == "test_structured_output_pydantic_2_v1" else {}

    @property
    def supported_usage_metadata_details(self):
        return {how: ["cache_read_input", *self.thinks] for how in ("invoke", "stream")}

    def ask(self, messages, stream, **more):
        model = self.chat_model_class(**{**self.standard_chat_model_params, **self.chat_model_params, **more})
        if not stream:
            return model.invoke(messages)
        whole = None
        for chunk in model.stream(messages):
            whole = chunk if whole is None else whole + chunk
        return whole

    def test_forced_tool_loop(self, model):
        history = [HumanMessage("What is the weather in Paris?")]
        for choice in ("any", "get_weather"):
            whole = None
            for chunk in model.bind_tools([get_weather], tool_choice=choice).stream(history):
                whole = chunk if whole is None else whole + chunk
            assert whole.tool_calls and not whole.invalid_tool_calls, whole
            assert len({c["id"] for c in whole.tool_calls}) == len(whole.tool_calls)
            results = [get_weather.invoke(c) for c in whole.tool_calls]
            reply = model.bind_tools([get_weather], tool_choice=self.no_call).invoke([*history, whole, *results])
            assert isinstance(reply, AIMessage) and reply.text and not reply.tool_calls, reply

    def invoke_with_cache_read_input(self, *, stream=False):
        for _ in range(2):
            reply = self.ask([SystemMessage(LONG), HumanMessage("Hello")], stream)
        assert reply.usage_metadata["input_token_details"]["cache_read"] > 0, reply.usage_metadata
        return reply

    def invoke_with_reasoning_output(self, *, stream=False):
        reply = self.ask("Hello", stream, reasoning_effort="high")
        assert reply.usage_metadata["output_token_details"]["reasoning"] > 0, reply.usage_metadata
        return reply


class TestOpenAI(Base):
    chat_model_class = ChatOpenAI
    kwargs = {"stream_usage": True}         # with a base URL of its own this client asks for no usage by itself


class TestResponses(Base):
    chat_model_class = ChatOpenAI
    kwargs = {"use_responses_api": True}
    thinks = ["reasoning_output"]

    def test_previous_response(self):
        """The client sends the last message only; the server knows the rest."""
        first = [HumanMessage(LONG)]
        reply = self.ask(first, False)
        history = [*first, reply, HumanMessage("And now?")]
        kept = self.ask(history, False, use_previous_response_id=True)
        sent = self.ask(history, False)
        assert kept.text == sent.text
        assert kept.usage_metadata["input_tokens"] == sent.usage_metadata["input_tokens"]

    @pytest.mark.parametrize("version", ["responses/v1", "v1"])
    def test_encrypted_reasoning(self, version):
        """Nothing is kept: the thoughts come back with the client, and only their writer can read them."""
        more = {"store": False, "include": ["reasoning.encrypted_content"], "output_version": version,
                "reasoning": {"effort": "high", "summary": "auto"}}
        for stream in (False, True):
            reply = self.ask("Hello", stream, **more)
            assert "encrypted_content" in json.dumps(reply.content), reply
            assert [b["type"] for b in reply.content_blocks] == ["reasoning", "text"], reply
            assert self.ask([HumanMessage("Hello"), reply, HumanMessage("And now?")], stream, **more).text


class TestXai(Base):
    chat_model_class = ChatXAI
    thinks = ["reasoning_output"]


class TestAnthropic(Base):
    chat_model_class = ChatAnthropic
    no_call = {"type": "none"}

    @property
    def chat_model_params(self):
        return {**super().chat_model_params, "base_url": self.url}

    def test_thinking(self):
        more = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000, "temperature": None}
        for stream in (False, True):
            reply = self.ask("Hello", stream, **more)
            assert [b["type"] for b in reply.content] == ["thinking", "text"] and reply.content[0]["signature"], reply
            assert self.ask([HumanMessage("Hello"), reply, HumanMessage("And now?")], stream, **more).text

    def test_count_tokens(self, model):
        messages = [SystemMessage("Be kind."), HumanMessage("Hello")]
        for tools in ([], [get_weather]):
            bound = model.bind_tools(tools) if tools else model
            assert model.get_num_tokens_from_messages(messages, **({"tools": tools} if tools else {})) == \
                bound.invoke(messages).usage_metadata["input_tokens"]


# ---- one line for each test ----

class Lines:
    def __init__(self):
        self.seen = set()

    def pytest_runtest_logreport(self, report):
        self.seen.add(tuple(report.nodeid.split("[")[0].split("::")[1:]))
        label = "%s %s" % (NAME, report.nodeid.split("::", 1)[1])
        if report.failed:
            why = str(report.longrepr).replace("\n", " | ")
            print("not ok %s: %s: %s" % (label, report.when, why[-WHY_MAX:]), flush=True)
        elif report.skipped:
            print("skip %s: %s" % (label, report.longrepr[2]), flush=True)
        elif report.when == "call":
            print("ok", label, flush=True)


def main():
    for name, (clients, why) in WISE.items():
        print("skip %s %s of %s with the bundled model, a script speaks: %s" % (NAME, name, ", ".join(clients), why))
    lines = Lines()
    with Scripted(scripts()) as script:
        os.environ.update(SCRIPT_URL=script.url, SCRIPT_KEY=script.key)
        status = pytest.main(["-s", "-p", "no:terminal", "-p", "no:cacheprovider", "-W", "ignore",
                              "-o", "asyncio_mode=auto", "-o", "asyncio_default_test_loop_scope=session",
                              "-o", "asyncio_default_fixture_loop_scope=session", __file__], plugins=[lines])
    gone = {(c, name) for name, (clients, _) in WISE.items() for c in clients} - lines.seen
    if gone:
        print("not ok %s: the suite has no such tests any more: %s" % (NAME, sorted(gone)))
    sys.exit(1 if gone else int(status))


if __name__ == "__main__":
    main()
