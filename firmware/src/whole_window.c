/* Streams for engines of whole windows: samples wait in a ring until a window is complete. A
 * streaming engine is linked without this file. */
#include "harmcu/engine.h"
#include "harmcu/model.h"
#include "harmcu/window.h"

static harmcu_window window;

void harmcu_engine_reset(void) {
    window = (harmcu_window){
        .ring = harmcu_model_ring,
        .window = harmcu_model.window,
        .channels = harmcu_model.channels,
    };
}

void harmcu_engine_push(const int8_t *sample) {
    harmcu_window_push(&window, sample);
}

bool harmcu_engine_scores(int8_t *scores) {
    harmcu_window_copy(&window, harmcu_engine_input());
    return harmcu_engine_invoke(scores);
}
