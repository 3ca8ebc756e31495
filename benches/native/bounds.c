/*
 * The limits of the memory: reading, copying, copying past the caches. Compile with -O3
 * -march=native.
 */
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

/* A multiple of 256 bytes is read; the result keeps the compiler from leaving it out. */
int64_t bounds_read(const void *source, int64_t byte_length) {
#if defined(__AVX512F__)
    const __m512i *lines = source;
    __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
    for (int64_t i = 0; i < byte_length / 64; i += 4) {
        a = _mm512_or_si512(a, _mm512_loadu_si512(lines + i));
        b = _mm512_or_si512(b, _mm512_loadu_si512(lines + i + 1));
        c = _mm512_or_si512(c, _mm512_loadu_si512(lines + i + 2));
        d = _mm512_or_si512(d, _mm512_loadu_si512(lines + i + 3));
    }
    return _mm512_reduce_or_epi64(_mm512_or_si512(_mm512_or_si512(a, b), _mm512_or_si512(c, d)));
#else
    const int64_t *words = source;
    int64_t all = 0;
    for (int64_t i = 0; i < byte_length / 8; i++) {
        all |= words[i];
    }
    return all;
#endif
}

void bounds_copy(const void *source, void *target, int64_t byte_length) {
    memcpy(target, source, (size_t) byte_length);
}

#if defined(__SSE2__)
/* Both aligned to 64 bytes. */
void bounds_copy_non_temporal(const void *source, void *target, int64_t byte_length) {
    for (int64_t at = 0; at < byte_length; at += 64) {
        const char *from = (const char *) source + at;
        char *to = (char *) target + at;
#if defined(__AVX512F__)
        _mm512_stream_si512((__m512i *) to, _mm512_load_si512(from));
#else
        for (int part = 0; part < 64; part += 16) {
            __m128i line = _mm_load_si128((const __m128i *) (from + part));
            _mm_stream_si128((__m128i *) (to + part), line);
        }
#endif
    }
    _mm_sfence();
}
#endif
