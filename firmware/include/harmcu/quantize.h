/* From counts to the int8 samples that the model was trained on.
 *
 * trainer/sample_path.py is the other implementation. */
#ifndef HARMCU_QUANTIZE_H
#define HARMCU_QUANTIZE_H

#include <stdint.h>

/* One input of the model. The multiplier carries the channel's sign. */
typedef struct {
    uint8_t axis; /* index into the six axes of a sample */
    int16_t multiplier;
    uint8_t shift;
    int8_t zero_point;
} harmcu_channel;

/* Returns clamp(((count * multiplier + 2^(shift-1)) >> shift) + zero_point, -128, 127). */
int8_t harmcu_quantize(const harmcu_channel *channel, int16_t count);

#endif
