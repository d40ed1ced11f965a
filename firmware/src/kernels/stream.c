/* What a streaming engine keeps from step to step: columns, and MEAN and REDUCE_MAX over the time
 * of windows that overlap. */
#include "harmcu/optimize.h"

#include <stdbool.h>

#include "finish.h"

void harmcu_keep_columns(int8_t *kept, int8_t *columns, int32_t kept_bytes, int32_t new_bytes) {
    memcpy(columns, kept, (size_t)kept_bytes);
    memcpy(kept, columns + new_bytes, (size_t)kept_bytes);
}

/* `has_sums` is false for a new block, which has none yet; likewise below. */
static void add_columns(const int8_t *columns, int32_t count, int32_t channels, int16_t *sums,
                        bool has_sums) {
    const int32_t keep = has_sums ? -1 : 0;
    int32_t c = 0;
#if HARMCU_DSP
    for (; c <= channels - HARMCU_QUAD; c += HARMCU_QUAD) {
        const int8_t *value = columns + c;
        int16x2_t even = 0;
        int16x2_t odd = 0;
        for (int32_t i = count; i > 0; i--) {
            const uint32_t word = harmcu_load_word(value);
            even = __sxtab16(even, (int8x4_t)word);
            odd = harmcu_add_odd_bytes(odd, word);
            value += channels;
        }
        sums[c] = (int16_t)((sums[c] & keep) + even);
        sums[c + 1] = (int16_t)((sums[c + 1] & keep) + odd);
        sums[c + 2] = (int16_t)((sums[c + 2] & keep) + ((int32_t)even >> 16));
        sums[c + 3] = (int16_t)((sums[c + 3] & keep) + ((int32_t)odd >> 16));
    }
#endif
    for (; c < channels; c++) {
        int32_t sum = sums[c] & keep;
        for (int32_t i = 0; i < count; i++) {
            sum += columns[i * channels + c];
        }
        sums[c] = (int16_t)sum;
    }
}

/* Raises each of the maxima to the largest value of its channel. */
static void raise_to_columns(const int8_t *columns, int32_t count, int32_t channels, int8_t *maxima,
                             bool has_maxima) {
    int32_t c = 0;
#if HARMCU_DSP
    for (; c <= channels - HARMCU_QUAD; c += HARMCU_QUAD) {
        const uint32_t first = has_maxima ? harmcu_load_word(&maxima[c]) : 0x80808080U;
        const int8x4_t max = harmcu_max_of_quads((int8x4_t)first, columns + c, count, channels);
        memcpy(&maxima[c], &max, sizeof max);
    }
#endif
    for (; c < channels; c++) {
        int8_t max = has_maxima ? maxima[c] : INT8_MIN;
        for (int32_t i = 0; i < count; i++) {
            const int8_t value = columns[i * channels + c];
            max = value > max ? value : max;
        }
        maxima[c] = max;
    }
}

static void add_to_newest(const harmcu_stream_pool_layer *layer, const harmcu_stream_pool *pool,
                          const int8_t *columns, int32_t count, bool is_new) {
    const int32_t place = pool->newest * layer->channels;
    if (pool->sums != NULL) {
        add_columns(columns, count, layer->channels, &pool->sums[place], !is_new);
    }
    if (pool->maxima != NULL) {
        raise_to_columns(columns, count, layer->channels, &pool->maxima[place], !is_new);
    }
}

void harmcu_stream_pool_reset(const harmcu_stream_pool_layer *layer, harmcu_stream_pool *pool) {
    pool->newest = 0;
    pool->until_start = layer->first_start;
}

void harmcu_stream_pool_push(const harmcu_stream_pool_layer *layer, harmcu_stream_pool *pool,
                             const int8_t *columns) {
    pool->until_start--;
    if (pool->until_start > 0) {
        add_to_newest(layer, pool, columns, layer->columns, false);
        return;
    }
    pool->until_start = layer->steps;
    if (layer->before > 0) {
        add_to_newest(layer, pool, columns, layer->before, false);
    }
    /* The oldest block belongs to no open window any more; its place is that of the newest. */
    pool->newest = pool->newest + 1 == layer->blocks ? 0 : pool->newest + 1;
    columns += layer->before * layer->channels;
    add_to_newest(layer, pool, columns, layer->columns - layer->before, true);
}

/* The constants are copied, because the compiler must assume that any int8 written changes them. */
void harmcu_stream_mean(const harmcu_stream_pool_layer *layer, const harmcu_stream_pool *pool,
                        const harmcu_rescaling *scale, int32_t count, int8_t *output) {
    const harmcu_rescaling s = *scale;
    const int32_t channels = layer->channels;
    const int32_t blocks = layer->blocks;
    const int32_t offset = count * s.input_offset;
    const int16_t *sums = pool->sums;
    for (int32_t c = 0; c < channels; c++) {
        const int16_t *block = sums++;
        int32_t sum = offset;
        for (int32_t left = blocks; left > 0; left--) {
            sum += *block;
            block += channels;
        }
        const int32_t mean = s.shift > 0 ? harmcu_rescale(sum, s.multiplier, s.shift)
                                         : harmcu_scale_down(2 * sum, s.multiplier, -s.shift);
        const int32_t value = harmcu_wrapping_add(mean, s.output.offset);
        *output++ = (int8_t)harmcu_clamp(value, s.output.min, s.output.max);
    }
}

void harmcu_stream_max(const harmcu_stream_pool_layer *layer, const harmcu_stream_pool *pool,
                       int8_t *output) {
    raise_to_columns(pool->maxima, layer->blocks, layer->channels, output, false);
}
