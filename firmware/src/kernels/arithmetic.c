/* ADD and MUL, value by value, with broadcasting. */
#include "harmcu/optimize.h"

#include "finish.h"
#include "walk.h"

/* Twice the 2^20 by which ADD scales its inputs up. */
enum { TWICE_HEADROOM = 1 << 21 };

void harmcu_add(const harmcu_add_layer *layer, const int8_t *first, const int8_t *second,
                int8_t *output) {
    const harmcu_walk *walk = &layer->walk;
    const harmcu_addend a = layer->first;
    const harmcu_addend b = layer->second;
    const int32_t multiplier = layer->multiplier;
    const int32_t shift = layer->shift;
    const int32_t x_step = walk->first[HARMCU_ROW];
    const int32_t y_step = walk->second[HARMCU_ROW];
    const harmcu_output_range range = layer->output;
    harmcu_row row = {{0}, 0, 0};
    do {
        const int8_t *x = first + row.first;
        const int8_t *y = second + row.second;
        for (int32_t i = walk->size[HARMCU_ROW]; i > 0; i--) {
            const int32_t sum =
                harmcu_scale_down((*x + a.offset) * TWICE_HEADROOM, a.multiplier, a.shift) +
                harmcu_scale_down((*y + b.offset) * TWICE_HEADROOM, b.multiplier, b.shift);
            const int32_t value = harmcu_scale_down(2 * sum, multiplier, shift);
            *output++ = (int8_t)harmcu_clamp(value + range.offset, range.min, range.max);
            x += x_step;
            y += y_step;
        }
    } while (harmcu_next_row(walk, &row));
}

void harmcu_mul(const harmcu_mul_layer *layer, const int8_t *first, const int8_t *second,
                int8_t *output) {
    const harmcu_walk *walk = &layer->walk;
    const int32_t x_offset = layer->first_offset;
    const int32_t y_offset = layer->second_offset;
    const int32_t multiplier = layer->multiplier;
    const int32_t shift = layer->shift;
    const int32_t x_step = walk->first[HARMCU_ROW];
    const int32_t y_step = walk->second[HARMCU_ROW];
    const harmcu_output_range range = layer->output;
    harmcu_row row = {{0}, 0, 0};
    do {
        const int8_t *x = first + row.first;
        const int8_t *y = second + row.second;
        for (int32_t i = walk->size[HARMCU_ROW]; i > 0; i--) {
            const int32_t product = (*x + x_offset) * (*y + y_offset);
            const int32_t scaled = harmcu_rescale(product, multiplier, shift);
            const int32_t value = harmcu_wrapping_add(scaled, range.offset);
            *output++ = (int8_t)harmcu_clamp(value, range.min, range.max);
            x += x_step;
            y += y_step;
        }
    } while (harmcu_next_row(walk, &row));
}
