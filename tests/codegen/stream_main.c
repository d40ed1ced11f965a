/* Streams int8 samples from stdin through a generated engine and writes the scores of every window.
 *
 * usage: stream WINDOW HOP CHANNELS [RESET...]  a new stream begins after each RESET samples */
#include <stdio.h>
#include <stdlib.h>

#include "harmcu/engine.h"
#include "harmcu/window.h"
#include "model_aot.h"

static long argument(char **arguments, int index) {
    return strtol(arguments[index], NULL, 10);
}

int main(int count, char **arguments) {
    int8_t sample[256];
    int8_t scores[MODEL_AOT_OUTPUT_BYTES];
    const uint16_t window = (uint16_t)argument(arguments, 1);
    harmcu_window_clock clock = {.hop = (uint16_t)argument(arguments, 2), .until = window};
    const size_t channels = (size_t)argument(arguments, 3);
    int next = 4;
    if (!harmcu_engine_init()) {
        return 2;
    }
    harmcu_engine_reset();
    for (long taken = 0; fread(sample, channels, 1, stdin) == 1; taken++) {
        if (next < count && argument(arguments, next) == taken) {
            next++;
            clock.until = window;
            harmcu_engine_reset();
        }
        harmcu_engine_push(sample);
        if (harmcu_window_tick(&clock)) {
            if (!harmcu_engine_scores(scores)) {
                return 3;
            }
            fwrite(scores, sizeof scores, 1, stdout);
        }
    }
    return 0;
}
