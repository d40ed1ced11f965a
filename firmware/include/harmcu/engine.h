/* The engine: what turns a stream of int8 samples into int8 scores.
 *
 * One firmware holds one model, so the engine is linked in and not chosen at run time. Nothing
 * above these functions knows which one it is. There are two kinds:
 * - a streaming engine (`aot`, where the model allows it) computes with every few samples what they
 *   add, and implements all that stands under "Every engine";
 * - an engine of whole windows (`tflm`, and `aot` for all other models) implements name, init and
 *   what stands under "Engines of whole windows"; src/whole_window.c makes the rest of it. */
#ifndef HARMCU_ENGINE_H
#define HARMCU_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every engine. */

/* "aot" or "tflm". */
const char *harmcu_engine_name(void);

/* Prepares the engine once after boot. False when the model does not fit (tflm only). */
bool harmcu_engine_init(void);

/* Starts a new stream: forgets all samples. Call it before the first one. */
void harmcu_engine_reset(void);

/* Takes the next sample, one int8 value a channel. */
void harmcu_engine_push(const int8_t *sample);

/* Writes one int8 score a label, of the window that ends with the last sample. To be called when a
 * window is complete: after `window` samples of a stream, then after every `hop`. False when the
 * engine failed. */
bool harmcu_engine_scores(int8_t *scores);

/* Engines of whole windows. */

/* Where the next window goes: window * channels values, time-major, channel-minor. The content is
 * undefined after harmcu_engine_invoke(). */
int8_t *harmcu_engine_input(void);

/* Runs the model on the input and writes one int8 score a label. False when the engine failed. */
bool harmcu_engine_invoke(int8_t *scores);

#ifdef __cplusplus
}
#endif

#endif
