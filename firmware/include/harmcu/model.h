/* What codegen knows about one model, and the memory that the runtime needs for it.
 *
 * The generated model_config.c defines the one object `harmcu_model`; the runtime reads everything
 * that depends on a model from there. */
#ifndef HARMCU_MODEL_H
#define HARMCU_MODEL_H

#include <stdint.h>

#include "harmcu/decision.h"
#include "harmcu/quantize.h"
#include "harmcu/resample.h"

typedef struct {
    const char *name;
    const char *sha256; /* of the model's file, 64 hexadecimal digits */
    uint32_t rate_millihertz;
    uint16_t window;
    uint16_t hop;
    uint8_t channels;
    uint8_t labels;
    uint8_t smoothing;
    uint8_t tables;
    const char *const *label; /* [labels], UTF-8 */
    const harmcu_channel *channel;
    const int8_t *thresholds;
    const harmcu_resample_table *table; /* the first one is that of the board's own sensor */
    int16_t *history;                   /* the largest table's taps * HARMCU_AXES */
    int8_t *past;                       /* smoothing * labels */
    int8_t *scores;                     /* labels */
} harmcu_model_config;

extern const harmcu_model_config harmcu_model;

/* window * channels values, for src/whole_window.c; a streaming engine keeps no window. */
extern int8_t harmcu_model_ring[];

#endif
