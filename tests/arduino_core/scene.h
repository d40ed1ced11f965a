/* What happens to the board in a test: words of the command line, each "name" or "name=number". */
#ifndef ARDUINO_CORE_SCENE_H
#define ARDUINO_CORE_SCENE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Microseconds since the machine started; does not wrap. */
uint64_t machine_micros(void);

/* True when the word was given. */
bool scene_has(const char *name);

/* The number of a word, or `otherwise` when it was not given. */
uint64_t scene_number(const char *name, uint64_t otherwise);

/* Reads raw samples of the recording; it plays again and again. */
bool scene_sample(int16_t raw[6]);

#ifdef __cplusplus
}
#endif

#endif
