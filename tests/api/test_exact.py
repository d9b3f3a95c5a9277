# SPDX-License-Identifier: Apache-2.0
"""Temperature 0 gives the same bytes: alone, in a batch of 16, with 1 and 2 threads, warm and cold."""
import concurrent.futures
import unittest

from grokd import Grokd

PROMPT = "Tell me a short story about a lighthouse and a fox."
OTHERS = ["Say something about the number %d and the colour of the sea." % i for i in range(15)]
FIELDS = {"temperature": 0, "max_tokens": 60, "logprobs": True, "top_logprobs": 2}


def answer(server, prompt=PROMPT):
    status, reply = server.chat(prompt, **FIELDS)
    assert status == 200, reply
    return reply["choices"][0]["message"]["content"], str(reply["choices"][0]["logprobs"])


class Exact(unittest.TestCase):
    def test_same_bytes(self):
        seen = {}
        for threads in (1, 2):
            with Grokd("--threads", threads, "--prefill-chunk", 7 * threads) as server:
                seen["cold, %d threads" % threads] = answer(server)
                seen["warm, %d threads" % threads] = answer(server)
                with concurrent.futures.ThreadPoolExecutor(16) as pool:
                    jobs = [pool.submit(answer, server, p) for p in OTHERS[:8]]
                    mine = pool.submit(answer, server)
                    jobs += [pool.submit(answer, server, p) for p in OTHERS[8:]]
                    seen["batch, %d threads" % threads] = mine.result()
                    self.assertEqual(len({j.result() for j in jobs}) > 1, True)
        with Grokd("--prefix-cache", "false") as server:
            seen["no cache"] = answer(server)
        self.assertEqual(len(set(seen.values())), 1, {k: v[0][:80] for k, v in seen.items()})


if __name__ == "__main__":
    unittest.main()
