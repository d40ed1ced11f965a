/* What a streaming engine keeps from step to step: columns, and MEAN and REDUCE_MAX over the time
 * of windows that overlap. */
#include "harmcu/optimize.h"

#include "finish.h"

void harmcu_keep_columns(int8_t *kept, int8_t *columns, int32_t kept_bytes, int32_t new_bytes) {
    memcpy(columns, kept, (size_t)kept_bytes);
    memcpy(kept, columns + new_bytes, (size_t)kept_bytes);
}

static void add_columns(const int8_t *columns, int32_t count, int32_t channels, int16_t *sums) {
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
        sums[c] = (int16_t)(sums[c] + even);
        sums[c + 1] = (int16_t)(sums[c + 1] + odd);
        sums[c + 2] = (int16_t)(sums[c + 2] + ((int32_t)even >> 16));
        sums[c + 3] = (int16_t)(sums[c + 3] + ((int32_t)odd >> 16));
    }
#endif
    for (; c < channels; c++) {
        int32_t sum = sums[c];
        for (int32_t i = 0; i < count; i++) {
            sum += columns[i * channels + c];
        }
        sums[c] = (int16_t)sum;
    }
}

/* Raises each of the maxima to the largest value of its channel. */
static void raise_to_columns(const int8_t *columns, int32_t count, int32_t channels,
                             int8_t *maxima) {
    int32_t c = 0;
#if HARMCU_DSP
    for (; c <= channels - HARMCU_QUAD; c += HARMCU_QUAD) {
        const int8_t *value = columns + c;
        int8x4_t max = (int8x4_t)harmcu_load_word(&maxima[c]);
        for (int32_t i = count; i > 0; i--) {
            const int8x4_t word = (int8x4_t)harmcu_load_word(value);
            /* The difference only sets the flags by which the bytes are selected. */
            (void)__ssub8(max, word);
            max = (int8x4_t)__sel((uint8x4_t)max, (uint8x4_t)word);
            value += channels;
        }
        memcpy(&maxima[c], &max, sizeof max);
    }
#endif
    for (; c < channels; c++) {
        for (int32_t i = 0; i < count; i++) {
            const int8_t value = columns[i * channels + c];
            maxima[c] = value > maxima[c] ? value : maxima[c];
        }
    }
}

static void add_to_newest(const harmcu_stream_pool_layer *layer, const harmcu_stream_pool *pool,
                          const int8_t *columns, int32_t count) {
    const int32_t place = pool->newest * layer->channels;
    if (pool->sums != NULL) {
        add_columns(columns, count, layer->channels, &pool->sums[place]);
    }
    if (pool->maxima != NULL) {
        raise_to_columns(columns, count, layer->channels, &pool->maxima[place]);
    }
}

/* The oldest block belongs to no open window any more; its place is that of the newest. */
static void open_block(const harmcu_stream_pool_layer *layer, harmcu_stream_pool *pool) {
    pool->newest = pool->newest + 1 == layer->blocks ? 0 : pool->newest + 1;
    const size_t channels = (size_t)layer->channels;
    const size_t place = (size_t)pool->newest * channels;
    if (pool->sums != NULL) {
        memset(&pool->sums[place], 0, channels * sizeof pool->sums[0]);
    }
    if (pool->maxima != NULL) {
        memset(&pool->maxima[place], INT8_MIN, channels);
    }
}

void harmcu_stream_pool_reset(const harmcu_stream_pool_layer *layer, harmcu_stream_pool *pool) {
    pool->newest = 0;
    pool->until_start = layer->first_start;
}

void harmcu_stream_pool_push(const harmcu_stream_pool_layer *layer, harmcu_stream_pool *pool,
                             const int8_t *columns) {
    int32_t count = layer->columns;
    pool->until_start--;
    if (pool->until_start == 0) {
        pool->until_start = layer->steps;
        add_to_newest(layer, pool, columns, layer->before);
        open_block(layer, pool);
        columns += layer->before * layer->channels;
        count -= layer->before;
    }
    add_to_newest(layer, pool, columns, count);
}

void harmcu_stream_mean(const harmcu_stream_pool_layer *layer, const harmcu_stream_pool *pool,
                        const harmcu_rescaling *scale, int32_t count, int8_t *output) {
    const int32_t values = layer->blocks * layer->channels;
    for (int32_t c = 0; c < layer->channels; c++) {
        int32_t sum = count * scale->input_offset;
        for (int32_t i = c; i < values; i += layer->channels) {
            sum += pool->sums[i];
        }
        const int32_t mean = harmcu_rescale(sum, scale->multiplier, scale->shift);
        const int32_t value = harmcu_wrapping_add(mean, scale->output.offset);
        output[c] = (int8_t)harmcu_clamp(value, scale->output.min, scale->output.max);
    }
}

void harmcu_stream_max(const harmcu_stream_pool_layer *layer, const harmcu_stream_pool *pool,
                       int8_t *output) {
    memset(output, INT8_MIN, (size_t)layer->channels);
    raise_to_columns(pool->maxima, layer->blocks, layer->channels, output);
}
