/*
 * Joins a Tensorbridge server, shares a tensor with it, has it read (noop) and quantized
 * (quantize, q8_0), and compares the bytes with a small reference.
 *
 *     cc -std=c11 -Wall -Wextra -Werror -O2 main.c -o example -lm
 *     ./example /path/to/server.sock          noop and quantize
 *     ./example /path/to/server.sock noop     noop alone, for a server without quantizer
 */
#define _GNU_SOURCE
#define TENSORBRIDGE_IMPLEMENTATION
#include "tensorbridge.h"

#include <math.h>

enum { ROWS = 64, COLUMNS = 256, BLOCK = 32, BLOCK_BYTES = 2 + BLOCK };

/* The nearest IEEE 754 binary16, ties to even; the value is finite and not negative. */
static uint16_t half_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  int32_t exponent = (int32_t)(bits >> 23) - 127;
  uint32_t mantissa = (bits & 0x7FFFFFu) | 0x800000u;
  if (exponent > 15) {
    return 0x7C00;
  }
  /* Bits to drop: 13 of a normal number, one more for each step below 2^-14. */
  int32_t dropped = exponent >= -14 ? 13 : 13 - 14 - exponent;
  if (dropped > 24) {
    return 0;
  }
  uint32_t kept = mantissa >> dropped;
  uint32_t rest = mantissa & ((1u << dropped) - 1);
  uint32_t tie = 1u << (dropped - 1);
  kept += rest > tie || (rest == tie && (kept & 1));
  /* A normal number's leading bit is counted in the exponent; a carry runs into it as it must. */
  return (uint16_t)(exponent >= -14 ? kept + ((uint32_t)(exponent + 14) << 10) : kept);
}

/* ggml's q8_0: per 32 elements a binary16 scale d = max|x| / 127, then round(x / d). */
static void reference_q8_0(const float *elements, size_t count, unsigned char *bytes) {
  for (size_t block = 0; block < count / BLOCK; block++, bytes += BLOCK_BYTES) {
    const float *x = elements + block * BLOCK;
    float largest = 0.0f;
    for (int i = 0; i < BLOCK; i++) {
      largest = fmaxf(largest, fabsf(x[i]));
    }
    float scale = largest / 127.0f;
    float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
    uint16_t half = half_of(scale);
    memcpy(bytes, &half, sizeof half);
    for (int i = 0; i < BLOCK; i++) {
      bytes[2 + i] = (unsigned char)(int8_t)roundf(x[i] * inverse);
    }
  }
}

static void fill(float *elements, size_t count) {
  uint32_t state = 12345;
  for (size_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    elements[i] = ((float)(state >> 8) / 8388608.0f - 1.0f) * (float)(1 + i % 7);
  }
  memset(elements + BLOCK, 0, BLOCK * sizeof(float)); /* a block of zeros has scale 0 */
}

static int check_item(const tb_item *item, const char *operation) {
  if (item->code != TB_OK) {
    fprintf(stderr, "%s: error %u: %s\n", operation, item->code, item->text);
    return -1;
  }
  return 0;
}

static int noop(tb_client *client, const tb_tensor *weight, const float *elements) {
  tb_item item = {.input = *weight};
  tb_batch batch = {"noop", "", &item, 1};
  if (tb_run(client, &batch) < 0) {
    fprintf(stderr, "noop: %s\n", tb_error());
    return -1;
  }
  if (check_item(&item, "noop") < 0) {
    return -1;
  }
  float first_last[2];
  memcpy(first_last, item.value, sizeof first_last);
  if (first_last[0] != elements[0] || first_last[1] != elements[ROWS * COLUMNS - 1]) {
    fprintf(stderr, "noop: the server saw %g and %g\n", first_last[0], first_last[1]);
    return -1;
  }
  printf("noop      first %g, last %g\n", first_last[0], first_last[1]);
  return 0;
}

static int compare(const unsigned char *actual, const float *elements) {
  static unsigned char expected[ROWS * COLUMNS / BLOCK * BLOCK_BYTES];
  reference_q8_0(elements, ROWS * COLUMNS, expected);
  for (size_t i = 0; i < sizeof expected; i++) {
    if (actual[i] != expected[i]) {
      fprintf(stderr, "quantize: byte %zu is %d, expected %d\n", i, actual[i], expected[i]);
      return -1;
    }
  }
  printf("quantize  q8_0, %zu bytes, all as expected\n", sizeof expected);
  return 0;
}

static int quantize(tb_client *client, const tb_tensor *weight, const float *elements) {
  tb_item item = {.input = *weight};
  tb_batch batch = {"quantize", "scheme=q8_0\n", &item, 1};
  if (tb_plan(client, &batch) < 0) {
    fprintf(stderr, "quantize: %s\n", tb_error());
    return -1;
  }
  if (check_item(&item, "quantize") < 0) {
    return -1;
  }
  const tb_output_plan *plan = &item.planned[0];
  uint64_t expected = (uint64_t)ROWS * COLUMNS / BLOCK * BLOCK_BYTES;
  if (item.planned_count != 1 || plan->dtype != TB_U8 || plan->byte_length != expected) {
    fprintf(stderr, "quantize: unexpected plan of %u outputs\n", item.planned_count);
    return -1;
  }
  tb_region output;
  if (tb_region_create(client, &output, tb__pad(plan->byte_length, 4096), TB_READWRITE) < 0) {
    fprintf(stderr, "output: %s\n", tb_error());
    return -1;
  }
  item.output_count = 1;
  item.outputs[0] = tb_tensor_at(&output, 0, plan->dtype, plan->rank, plan->dims);
  int result = tb_run(client, &batch);
  if (result < 0) {
    fprintf(stderr, "quantize: %s\n", tb_error());
  } else if ((result = check_item(&item, "quantize")) == 0) {
    result = compare(output.data, elements);
  }
  tb_region_free(&output);
  return result;
}

int main(int argc, char **argv) {
  if (argc < 2 || argc > 3 || (argc == 3 && strcmp(argv[2], "noop") != 0)) {
    fprintf(stderr, "usage: %s SOCKET [noop]\n", argv[0]);
    return 1;
  }
  tb_client client;
  tb_region input;
  if (tb_connect(&client, argv[1]) < 0) {
    fprintf(stderr, "connect: %s\n", tb_error());
    return 1;
  }
  if (tb_region_create(&client, &input, ROWS * COLUMNS * sizeof(float), TB_READ) < 0) {
    fprintf(stderr, "input: %s\n", tb_error());
    tb_close(&client);
    return 1;
  }
  float *elements = (float *)(void *)input.data;
  fill(elements, ROWS * COLUMNS);
  tb_tensor weight = tb_tensor_at(&input, 0, TB_F32, 2, (const int64_t[]){ROWS, COLUMNS});
  printf("tensor    float32(%d, %d), %zu bytes in shared memory\n", ROWS, COLUMNS,
         ROWS * COLUMNS * sizeof(float));
  int result = noop(&client, &weight, elements);
  if (result == 0 && argc == 2) {
    result = quantize(&client, &weight, elements);
  }
  tb_region_free(&input);
  tb_close(&client);
  return result == 0 ? 0 : 1;
}
