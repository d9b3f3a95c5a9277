/* SPDX-License-Identifier: Apache-2.0 */
#include "api/openapi.h"
#include "api/handlers.h"
#include "api/openapi_gen.inc"

str openapi_document(void)
{
    return str_n(openapi_text, sizeof openapi_text - 1);
}

void handle_openapi(struct request *r)
{
    reply_json(r, 200, openapi_document());
}
