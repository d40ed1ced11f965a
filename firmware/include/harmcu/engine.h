/* The engine: what turns one window of int8 samples into int8 scores.
 *
 * One firmware holds one model, so the engine is linked in and not chosen at run time. Both engines
 * (`aot`: C generated for the model; `tflm`: the TensorFlow Lite Micro interpreter) implement these
 * functions and nothing above them knows which one it is. */
#ifndef HARMCU_ENGINE_H
#define HARMCU_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "aot" or "tflm". */
const char *harmcu_engine_name(void);

/* Prepares the engine once after boot. False when the model does not fit (tflm only). */
bool harmcu_engine_init(void);

/* Where the next window goes: window * channels values, time-major, channel-minor. The content is
 * undefined after harmcu_engine_invoke(). */
int8_t *harmcu_engine_input(void);

/* Runs the model on the input and writes one int8 score a label. False when the engine failed. */
bool harmcu_engine_invoke(int8_t *scores);

#ifdef __cplusplus
}
#endif

#endif
