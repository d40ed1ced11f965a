/* libFuzzer target: resampling, window and decision, with parameters of any size that a spec
 * allows, against implementations that keep everything and count in 64 bits. */
#include <string.h>

#include "expect.h"
#include "harmcu/decision.h"
#include "harmcu/resample.h"
#include "harmcu/window.h"

static const uint8_t *data_next;
static size_t data_left;

static uint8_t take(void) {
    if (data_left == 0) {
        return 0;
    }
    --data_left;
    return *data_next++;
}

static int16_t take_count(void) {
    const unsigned low = take();
    return (int16_t)(uint16_t)(low | ((unsigned)take() << 8));
}

static int64_t floored(int64_t value, int64_t divisor) {
    const int64_t quotient = value / divisor;
    return value % divisor < 0 ? quotient - 1 : quotient;
}

static void fuzz_decision(void) {
    const uint8_t labels = (uint8_t)(2 + take() % 127U);
    const uint8_t smoothing = (uint8_t)(1 + take() % 32U);
    int8_t *thresholds = malloc(labels);
    int8_t *past = malloc((size_t)labels * smoothing);
    int8_t *all = NULL;
    for (uint8_t label = 0; label < labels; ++label) {
        thresholds[label] = (int8_t)take();
    }
    harmcu_decision decision = {
        .thresholds = thresholds,
        .past = past,
        .labels = labels,
        .smoothing = smoothing,
    };
    harmcu_decision_reset(&decision);
    for (size_t window = 0; data_left > 0; ++window) {
        all = realloc(all, (window + 1) * labels);
        expect(all != NULL);
        for (uint8_t label = 0; label < labels; ++label) {
            all[window * labels + label] = (int8_t)take();
        }
        const harmcu_decided decided = harmcu_decision_push(&decision, &all[window * labels]);
        const int64_t count = window + 1 < smoothing ? (int64_t)window + 1 : smoothing;
        int64_t best = INT64_MIN;
        int16_t winner = 0;
        for (uint8_t label = 0; label < labels; ++label) {
            int64_t sum = 0;
            for (int64_t back = 0; back < count; ++back) {
                sum += all[(window - (size_t)back) * labels + label];
            }
            winner = sum > best ? label : winner;
            best = sum > best ? sum : best;
        }
        expect(decided.score == floored(best, count));
        expect(decided.label == (best >= thresholds[winner] * count ? winner : HARMCU_UNKNOWN));
    }
    free(all);
    free(past);
    free(thresholds);
}

static void fuzz_window(void) {
    const uint16_t length = (uint16_t)(2 + take());
    const uint16_t hop = (uint16_t)(1 + take() % length);
    const uint8_t channels = (uint8_t)(1 + take() % 6U);
    const size_t bytes = (size_t)length * channels;
    int8_t *ring = malloc(bytes);
    int8_t *out = malloc(bytes);
    int8_t *all = NULL;
    harmcu_window window = {.ring = ring, .window = length, .channels = channels};
    harmcu_window_clock clock = {.hop = hop, .until = length};
    for (size_t taken = 1; data_left > 0; ++taken) {
        all = realloc(all, taken * channels);
        expect(all != NULL);
        for (uint8_t channel = 0; channel < channels; ++channel) {
            all[(taken - 1) * channels + channel] = (int8_t)take();
        }
        harmcu_window_push(&window, &all[(taken - 1) * channels]);
        const bool due = taken >= length && (taken - length) % hop == 0;
        expect(harmcu_window_tick(&clock) == due);
        if (due) {
            harmcu_window_copy(&window, out);
            expect(memcmp(out, &all[(taken - length) * channels], bytes) == 0);
        }
    }
    free(all);
    free(out);
    free(ring);
}

/* One output by the definition: the row of the phase, over the last `taps` samples. */
static int16_t convolve(const harmcu_resample_table *table, uint32_t phase, const int16_t *all,
                        size_t taken, unsigned axis) {
    const uint64_t row = (uint64_t)phase * table->phases / table->denominator;
    int64_t sum = 0;
    for (uint16_t tap = 0; tap < table->taps; ++tap) {
        const int64_t place = (int64_t)taken - table->taps + tap;
        const size_t sample = place < 0 ? 0U : (size_t)place;
        sum += (int64_t)table->coefficients[row * table->taps + tap] *
               all[sample * HARMCU_AXES + axis];
    }
    const int64_t rounded =
        floored(sum + (1 << (HARMCU_RESAMPLE_BITS - 1)), 1 << HARMCU_RESAMPLE_BITS);
    return (int16_t)(rounded > INT16_MAX ? INT16_MAX : rounded < INT16_MIN ? INT16_MIN : rounded);
}

static void fuzz_resample(void) {
    harmcu_resample_table table = {
        .source_millihertz = 1,
        .denominator = 1U + take() * 4001U,
        .phases = (uint16_t)(1 + take() % 64U),
        .taps = (uint16_t)(1 + take() % 32U),
    };
    /* Down to one output in 16 samples, up to 8 outputs a sample. */
    table.step =
        table.denominator / 8U + 1U + (uint32_t)((uint64_t)table.denominator * take() / 16U);
    const size_t entries = (size_t)table.phases * table.taps;
    int16_t *coefficients = malloc(entries * sizeof *coefficients);
    /* Rows sum to 1.0, and what they hold together stays below 4.0: then no sum overflows. */
    for (size_t i = 0; i < entries; ++i) {
        coefficients[i] = (int16_t)(take_count() / table.taps);
    }
    table.coefficients = coefficients;
    int16_t *history = malloc((size_t)table.taps * HARMCU_AXES * sizeof *history);
    int16_t *all = NULL;
    harmcu_resampler resampler;
    harmcu_resample_reset(&resampler, &table, history);
    uint64_t due = 0; /* of the next output, in 1 / denominator of a sample */
    int16_t out[HARMCU_AXES];
    expect(!harmcu_resample_pull(&resampler, out));
    for (size_t taken = 1; data_left > 0; ++taken) {
        all = realloc(all, taken * sizeof out);
        expect(all != NULL);
        for (unsigned axis = 0; axis < HARMCU_AXES; ++axis) {
            all[(taken - 1) * HARMCU_AXES + axis] = take_count();
        }
        harmcu_resample_push(&resampler, &all[(taken - 1) * HARMCU_AXES]);
        for (; due < taken * (uint64_t)table.denominator; due += table.step) {
            expect(harmcu_resample_pull(&resampler, out));
            const uint32_t phase = (uint32_t)(due - (taken - 1) * (uint64_t)table.denominator);
            for (unsigned axis = 0; axis < HARMCU_AXES; ++axis) {
                expect(out[axis] == convolve(&table, phase, all, taken, axis));
            }
        }
        expect(!harmcu_resample_pull(&resampler, out));
    }
    free(all);
    free(history);
    free(coefficients);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    data_next = data;
    data_left = size;
    switch (take() % 3U) {
        case 0:
            fuzz_decision();
            break;
        case 1:
            fuzz_window();
            break;
        default:
            fuzz_resample();
            break;
    }
    return 0;
}
