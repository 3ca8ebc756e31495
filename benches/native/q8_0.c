/*
 * ggml's q8_0 (quantize_row_q8_0_ref, ggml-quants.c) by hand for AVX-512 and for AVX2: what this
 * machine can do. The bytes are ggml's. Blocks go in groups, all scales of one at once; neither
 * prefetching by hand nor stores past the caches made it faster (Zen 4). Compile with -O3
 * -march=native -ffp-contract=off.
 */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

enum { ELEMENTS = 32, BLOCK_BYTES = 34, CODES = 2 };

/* The float just below one half: truncation after adding it with the sign of x is roundf(x). */
#define BELOW_HALF 0x1.fffffep-2f

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__F16C__)

enum { GROUP = 16 };

static inline float greatest(const float *x) {
    __m512 low = _mm512_abs_ps(_mm512_loadu_ps(x));
    __m512 high = _mm512_abs_ps(_mm512_loadu_ps(x + 16));
    return _mm512_reduce_max_ps(_mm512_max_ps(low, high));
}

static inline void scales(const float *magnitudes, float *inverses, uint16_t *halves) {
    __m512 d = _mm512_div_ps(_mm512_loadu_ps(magnitudes), _mm512_set1_ps(127.0f));
    __mmask16 used = _mm512_cmp_ps_mask(d, _mm512_setzero_ps(), _CMP_NEQ_OQ);
    _mm512_storeu_ps(inverses, _mm512_maskz_div_ps(used, _mm512_set1_ps(1.0f), d));
    __m256i rounded = _mm512_cvtps_ph(d, _MM_FROUND_TO_NEAREST_INT);
    _mm256_storeu_si256((__m256i *) halves, rounded);
}

/* The conversion gives INT_MIN where 1/d overflowed, whose low byte is 0, as in ggml. */
static inline __m128i codes_of(__m512 values, __m512 inverse) {
    const __m512i sign = _mm512_set1_epi32((int) 0x80000000);
    const __m512i half = _mm512_castps_si512(_mm512_set1_ps(BELOW_HALF));
    __m512 scaled = _mm512_mul_ps(values, inverse);
    __m512i signed_half = /* scaled where sign is set, else half */
        _mm512_ternarylogic_epi32(sign, _mm512_castps_si512(scaled), half, 0xCA);
    __m512 shifted = _mm512_add_ps(scaled, _mm512_castsi512_ps(signed_half));
    return _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(shifted));
}

static inline void codes(const float *x, float inverse, uint8_t *y) {
    __m512 factor = _mm512_set1_ps(inverse);
    _mm_storeu_si128((__m128i *) y, codes_of(_mm512_loadu_ps(x), factor));
    _mm_storeu_si128((__m128i *) (y + 16), codes_of(_mm512_loadu_ps(x + 16), factor));
}

#elif defined(__AVX2__) && defined(__F16C__)

enum { GROUP = 8 };

static inline float greatest(const float *x) {
    const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
    __m256 all = _mm256_setzero_ps();
    for (int i = 0; i < ELEMENTS; i += 8) {
        all = _mm256_max_ps(all, _mm256_and_ps(_mm256_loadu_ps(x + i), magnitude));
    }
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

static inline void scales(const float *magnitudes, float *inverses, uint16_t *halves) {
    __m256 d = _mm256_div_ps(_mm256_loadu_ps(magnitudes), _mm256_set1_ps(127.0f));
    __m256 used = _mm256_cmp_ps(d, _mm256_setzero_ps(), _CMP_NEQ_OQ);
    __m256 inverse = _mm256_and_ps(used, _mm256_div_ps(_mm256_set1_ps(1.0f), d));
    _mm256_storeu_ps(inverses, inverse);
    __m128i rounded = _mm256_cvtps_ph(d, _MM_FROUND_TO_NEAREST_INT);
    _mm_storeu_si128((__m128i *) halves, rounded);
}

/* The conversion gives INT_MIN where 1/d overflowed, whose low byte is 0, as in ggml. */
static inline void codes(const float *x, float inverse, uint8_t *y) {
    const __m256i low_bytes = _mm256_setr_epi8(
        0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
        0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    __m256 factor = _mm256_set1_ps(inverse);
    for (int i = 0; i < ELEMENTS; i += 8) {
        __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(x + i), factor);
        __m256 sign = _mm256_and_ps(scaled, _mm256_set1_ps(-0.0f));
        __m256 shifted = _mm256_add_ps(scaled, _mm256_or_ps(sign, _mm256_set1_ps(BELOW_HALF)));
        __m256i bytes = _mm256_shuffle_epi8(_mm256_cvttps_epi32(shifted), low_bytes);
        uint32_t low = (uint32_t) _mm256_extract_epi32(bytes, 0);
        uint32_t high = (uint32_t) _mm256_extract_epi32(bytes, 4);
        memcpy(y + i, &low, sizeof low);
        memcpy(y + i + 4, &high, sizeof high);
    }
}

#else
#error "q8_0.c has no code for this processor: it needs AVX2 and F16C, or AVX-512"
#endif

/* Quantizes whole groups of 16 blocks; blocks is a multiple of 16. */
void q8_0(const float *source, uint8_t *target, int64_t blocks) {
    float magnitudes[GROUP], inverses[GROUP];
    uint16_t halves[GROUP];
    for (int64_t first = 0; first < blocks; first += GROUP) {
        const float *x = source + first * ELEMENTS;
        uint8_t *y = target + first * BLOCK_BYTES;
        for (int i = 0; i < GROUP; i++) {
            magnitudes[i] = greatest(x + i * ELEMENTS);
        }
        scales(magnitudes, inverses, halves);
        for (int i = 0; i < GROUP; i++) {
            memcpy(y + i * BLOCK_BYTES, &halves[i], sizeof halves[i]);
            codes(x + i * ELEMENTS, inverses[i], y + i * BLOCK_BYTES + CODES);
        }
    }
}
