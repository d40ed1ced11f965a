/* MAX_POOL_2D and AVERAGE_POOL_2D. Input and output are quantised alike, so no value is rescaled;
 * only the fused activation clamps. */
#include "harmcu/optimize.h"

#include "finish.h"

/* The part of the map under one output value, as half-open ranges. A pool is not dilated and
 * SAME padding is smaller than the filter, so it is never empty. */
typedef struct {
    int32_t top;
    int32_t bottom;
    int32_t left;
    int32_t right;
} pool_area;

static pool_area area_of(const harmcu_pool_layer *layer, int32_t y, int32_t x) {
    const harmcu_filter_window *window = &layer->window;
    const int32_t y0 = y * window->stride.height - window->pad.height;
    const int32_t x0 = x * window->stride.width - window->pad.width;
    const pool_area area = {
        .top = harmcu_clamp(y0, 0, layer->input_map.height),
        .bottom = harmcu_clamp(y0 + window->size.height, 0, layer->input_map.height),
        .left = harmcu_clamp(x0, 0, layer->input_map.width),
        .right = harmcu_clamp(x0 + window->size.width, 0, layer->input_map.width),
    };
    return area;
}

/* The largest values of each channel in a row of `taps` positions and in `start`, which may be the
 * first of them or the result so far. */
static __attribute__((noinline, hot)) void max_in_row(const int8_t *start, const int8_t *row,
                                                      int32_t taps, int32_t channels,
                                                      int8_t *output) {
    const int32_t step = channels;
#if HARMCU_DSP
    for (; channels >= HARMCU_QUAD; channels -= HARMCU_QUAD) {
        const int8x4_t max =
            harmcu_max_of_quads((int8x4_t)harmcu_load_word(start), row, taps, step);
        memcpy(output, &max, sizeof max);
        start += HARMCU_QUAD;
        row += HARMCU_QUAD;
        output += HARMCU_QUAD;
    }
#endif
    for (; channels > 0; channels--) {
        int32_t max = *start++;
        const int8_t *value = row++;
        for (int32_t left = taps; left > 0; left--) {
            max = *value > max ? *value : max;
            value += step;
        }
        *output++ = (int8_t)max;
    }
}

static int32_t sum_over(const harmcu_feature_map *map, const pool_area *area,
                        const int8_t *channel) {
    int32_t sum = 0;
    for (int32_t y = area->top; y < area->bottom; y++) {
        for (int32_t x = area->left; x < area->right; x++) {
            sum += channel[(y * map->width + x) * map->channels];
        }
    }
    return sum;
}

HARMCU_SMALL void harmcu_max_pool2d(const harmcu_pool_layer *layer, const int8_t *input,
                                    int8_t *output) {
    const int32_t channels = layer->output_map.channels;
    int8_t *start = output;
    for (int32_t y = 0; y < layer->output_map.height; y++) {
        for (int32_t x = 0; x < layer->output_map.width; x++) {
            const pool_area area = area_of(layer, y, x);
            const int32_t width = layer->input_map.width;
            const int8_t *row = input + (area.top * width + area.left) * channels;
            max_in_row(row, row + channels, area.right - area.left - 1, channels, output);
            for (int32_t i = area.top + 1; i < area.bottom; i++) {
                row += width * channels;
                max_in_row(output, row, area.right - area.left, channels, output);
            }
            output += channels;
        }
    }
    if (harmcu_is_narrow(&layer->output)) {
        harmcu_clamp_all(start, (int32_t)(output - start), &layer->output);
    }
}

void harmcu_average_pool2d(const harmcu_pool_layer *layer, const int8_t *input, int8_t *output) {
    for (int32_t y = 0; y < layer->output_map.height; y++) {
        for (int32_t x = 0; x < layer->output_map.width; x++) {
            const pool_area area = area_of(layer, y, x);
            const int32_t count = (area.bottom - area.top) * (area.right - area.left);
            for (int32_t c = 0; c < layer->output_map.channels; c++) {
                const int32_t sum = sum_over(&layer->input_map, &area, input + c);
                const int32_t half = sum > 0 ? count / 2 : -(count / 2);
                /* An area is never empty. NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
                const int32_t mean = (sum + half) / count;
                *output++ = (int8_t)harmcu_clamp(mean, layer->output.min, layer->output.max);
            }
        }
    }
}
