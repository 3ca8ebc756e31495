/*
 * ggml's q8_0 (quantize_row_q8_0_ref, ggml-quants.c) by hand for AVX-512, for AVX2, and in plain C:
 * what this machine can do. The bytes are ggml's. Compile with -O3 -march=native -ffp-contract=off.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__F16C__)
#include <immintrin.h>
#endif

enum { ELEMENTS = 32, BLOCK_BYTES = 34, CODES = 2 };

/* The float just below one half: truncation after adding it with the sign of x is roundf(x). */
#define BELOW_HALF 0x1.fffffep-2f

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__F16C__)

#define IMPLEMENTATION "AVX-512"

/* Lines ahead of the one in work that are asked for; the hardware prefetcher stops at each page. */
enum { PREFETCH_BYTES = 2048 };

static inline __m128i codes_of(__m512 values, __m512 inverse) {
    const __m512i sign = _mm512_set1_epi32((int) 0x80000000);
    const __m512i half = _mm512_castps_si512(_mm512_set1_ps(BELOW_HALF));
    __m512 scaled = _mm512_mul_ps(values, inverse);
    /* (sign & scaled) | (~sign & half) */
    __m512i signed_half =
        _mm512_ternarylogic_epi32(sign, _mm512_castps_si512(scaled), half, 0xCA);
    __m512 shifted = _mm512_add_ps(scaled, _mm512_castsi512_ps(signed_half));
    return _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(shifted));
}

void q8_0(const float *source, uint8_t *target, int64_t blocks) {
    for (int64_t block = 0; block < blocks; block++) {
        const float *x = source + block * ELEMENTS;
        uint8_t *y = target + block * BLOCK_BYTES;
        _mm_prefetch((const char *) x + PREFETCH_BYTES, _MM_HINT_T0);
        _mm_prefetch((const char *) x + PREFETCH_BYTES + 64, _MM_HINT_T0);
        __m512 a = _mm512_loadu_ps(x);
        __m512 b = _mm512_loadu_ps(x + 16);
        float amax = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
        float d = amax / 127.0f;
        float id = d != 0 ? 1.0f / d : 0.0f;
        uint16_t half = (uint16_t) _cvtss_sh(d, _MM_FROUND_TO_NEAREST_INT);
        __m512 inverse = _mm512_set1_ps(id);
        memcpy(y, &half, sizeof half);
        _mm_storeu_si128((__m128i *) (y + CODES), codes_of(a, inverse));
        _mm_storeu_si128((__m128i *) (y + CODES + 16), codes_of(b, inverse));
    }
}

#elif defined(__AVX2__) && defined(__F16C__)

#define IMPLEMENTATION "AVX2"

static inline __m256i codes_of(__m256 values, __m256 inverse) {
    __m256 scaled = _mm256_mul_ps(values, inverse);
    __m256 sign = _mm256_and_ps(scaled, _mm256_set1_ps(-0.0f));
    __m256 shifted = _mm256_add_ps(scaled, _mm256_or_ps(sign, _mm256_set1_ps(BELOW_HALF)));
    /* the low byte alone, as a cast to int8_t keeps it: out of range gives 0 */
    return _mm256_cvttps_epi32(shifted);
}

void q8_0(const float *source, uint8_t *target, int64_t blocks) {
    const __m256i low_bytes = _mm256_setr_epi8(
        0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
        0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
    for (int64_t block = 0; block < blocks; block++) {
        const float *x = source + block * ELEMENTS;
        uint8_t *y = target + block * BLOCK_BYTES;
        __m256 v[4];
        __m256 greatest = _mm256_setzero_ps();
        for (int i = 0; i < 4; i++) {
            v[i] = _mm256_loadu_ps(x + 8 * i);
            greatest = _mm256_max_ps(greatest, _mm256_and_ps(v[i], magnitude));
        }
        __m128 m = _mm_max_ps(
            _mm256_castps256_ps128(greatest), _mm256_extractf128_ps(greatest, 1));
        m = _mm_max_ps(m, _mm_movehl_ps(m, m));
        m = _mm_max_ss(m, _mm_movehdup_ps(m));
        float d = _mm_cvtss_f32(m) / 127.0f;
        float id = d != 0 ? 1.0f / d : 0.0f;
        uint16_t half = (uint16_t) _cvtss_sh(d, _MM_FROUND_TO_NEAREST_INT);
        __m256 inverse = _mm256_set1_ps(id);
        memcpy(y, &half, sizeof half);
        for (int i = 0; i < 4; i++) {
            __m256i bytes = _mm256_shuffle_epi8(codes_of(v[i], inverse), low_bytes);
            uint32_t low = (uint32_t) _mm256_extract_epi32(bytes, 0);
            uint32_t high = (uint32_t) _mm256_extract_epi32(bytes, 4);
            memcpy(y + CODES + 8 * i, &low, sizeof low);
            memcpy(y + CODES + 8 * i + 4, &high, sizeof high);
        }
    }
}

#else

#error "q8_0.c has no implementation by hand for this processor"

#endif

const char *q8_0_implementation(void) {
    return IMPLEMENTATION;
}
