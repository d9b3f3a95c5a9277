/* SPDX-License-Identifier: Apache-2.0
 *
 * The handlers that the route table names, one file each.
 */
#pragma once
#include "api/request.h"

void handle_root(struct request *r);             /* health.c */
void handle_health(struct request *r);
void handle_ready(struct request *r);
void handle_engine_health(struct request *r);
void handle_openapi(struct request *r);          /* openapi.c */
void handle_models(struct request *r);           /* models.c */
void handle_model(struct request *r);
void handle_language_models(struct request *r);
void handle_language_model(struct request *r);
void handle_no_models(struct request *r);        /* of kinds that are not served */
void handle_no_model(struct request *r);
void handle_api_key(struct request *r);          /* api_key.c */
void handle_chat_completions(struct request *r); /* chat.c */
void handle_deferred_completion(struct request *r);   /* deferred.c */
void handle_completions(struct request *r);      /* completions.c */
void handle_tokenize_text(struct request *r);    /* tokenize_text.c */
void handle_messages(struct request *r);         /* messages.c */
void handle_messages_count(struct request *r);
void handle_complete(struct request *r);         /* complete.c */
void handle_responses(struct request *r);        /* responses.c */
void handle_responses_compact(struct request *r);  /* responses_compact.c */
void handle_response(struct request *r);         /* responses_get.c */
void handle_response_inputs(struct request *r);
void handle_response_delete(struct request *r);
