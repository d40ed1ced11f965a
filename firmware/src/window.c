#include "harmcu/window.h"

#include <string.h>

bool harmcu_window_tick(harmcu_window_clock *clock) {
    clock->until--;
    if (clock->until > 0) {
        return false;
    }
    clock->until = clock->hop;
    return true;
}

void harmcu_window_push(harmcu_window *window, const int8_t *sample) {
    memcpy(&window->ring[(size_t)window->next * window->channels], sample, window->channels);
    window->next = (uint16_t)(window->next + 1U == window->window ? 0U : window->next + 1U);
}

void harmcu_window_copy(const harmcu_window *window, int8_t *out) {
    const size_t newer = (size_t)window->next * window->channels;
    const size_t older = (size_t)window->window * window->channels - newer;
    memcpy(out, &window->ring[newer], older);
    memcpy(&out[older], window->ring, newer);
}
