#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Plain curl: what a newcomer pastes first.
set -u
fail=0
say() { # NAME STATUS
    if [ "$2" = 0 ]; then echo "ok curl $1"; else echo "not ok curl $1"; fail=1; fi
}
post() { curl -sS -N --max-time 60 "$BASE_URL/v1/chat/completions" -H "Authorization: Bearer $XAI_API_KEY" -H "Content-Type: application/json" "$@"; }

post -d '{"model": "grok-4", "messages": [{"role": "user", "content": "Hello! Who are you?"}]}' | grep -q '"object":"chat.completion"'
say plain $?
post -d '{"model": "grok-4", "stream": true, "messages": [{"role": "user", "content": "Hello! Who are you?"}]}' | tail -n 2 | grep -q '^data: \[DONE\]$'
say streamed $?
curl -sS --max-time 20 "$BASE_URL/v1/models" -H "Authorization: Bearer $XAI_API_KEY" | grep -q '"object":"list"'
say models $?
[ "$(curl -sS -o /dev/null -w '%{http_code}' --max-time 20 "$BASE_URL/v1/models")" = 401 ]
say "no key" $?
[ "$(curl -sS -o /dev/null -w '%{http_code}' --max-time 20 -I "$BASE_URL/health")" = 200 ]
say "head of health" $?
# Two requests on one connection: the second must reuse it.
curl -sS -v --max-time 20 "$BASE_URL/health" "$BASE_URL/ready" 2>&1 | grep -qi 're-using existing connection'
say "keep-alive" $?
head -c 200000 /dev/zero | tr '\0' ' ' | post -H 'Expect: 100-continue' -H 'Transfer-Encoding: chunked' --data-binary @- | grep -q error
say "chunked body" $?
exit $fail
