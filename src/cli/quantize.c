/* SPDX-License-Identifier: Apache-2.0
 *
 * grokd quantize: rewrites a GGUF file with another block type.
 */
#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel/quant.h"
#include "model/quantize.h"

static const char help[] =
    "usage: grokd quantize IN OUT TYPE\n"
    "\n"
    "Writes the GGUF file IN as OUT with its matrices in TYPE: Q8_0, Q4_0, F16, BF16 or F32.\n"
    "Vectors (norms, biases) become F32. Matrices whose rows are no multiple of the block stay as\n"
    "they are. With Q4_0 the output head becomes Q8_0 (llama.cpp takes Q6_K there).\n"
    "OUT appears only when it is whole; IN and OUT may be the same file.\n";

/* A device or a folder called OUT is left alone. */
static bool may_replace(const char *path)
{
    struct stat st;
    return lstat(path, &st) != 0 || S_ISREG(st.st_mode);
}

static int run(const char *in, const char *out, uint32_t type)
{
    struct cli_progress bar;
    struct quantize_result r;
    struct error e = {0};
    cli_progress_start(&bar, "quantize");
    enum err err = quantize_file(in, out, type, cli_progress_at, &bar, &r, &e);
    cli_progress_end(&bar);
    if (err != ERR_OK)
        return cli_fail("quantize", &e);
    if (r.n_requantized)
        fprintf(stderr, "grokd: quantize: %zu tensors were quantized already; going through the "
                "original F32 or F16 file gives better results\n", r.n_requantized);
    printf("%s: %zu of %zu tensors changed, %.1f MiB -> %.1f MiB\n", out, r.n_changed, r.n_tensor,
           (double)r.bytes_in / (1 << 20), (double)r.bytes_out / (1 << 20));
    return CLI_OK;
}

int cmd_quantize(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    static const struct cli_options walk = {"quantize", "h", options, help, NULL};
    bool done;
    int rc = cli_options(argc, argv, &walk, NULL, &done);
    if (rc != CLI_OK || done)
        return rc;
    if (argc - optind != 3)
        return cli_usage("quantize", "IN, OUT and TYPE are needed");
    const char *in = argv[optind], *out = argv[optind + 1], *name = argv[optind + 2];
    uint32_t type;
    const struct quant_info *q = quant_by_name(str_of(name), &type);
    if (!q || !q->quantize)
        return cli_usage("quantize", "\"%s\" is not one of Q8_0, Q4_0, F16, BF16, F32", name);
    if (!may_replace(out))
        return cli_usage("quantize", "%s is not a regular file", out);
    return run(in, out, type);
}
