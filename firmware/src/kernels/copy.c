/* STRIDED_SLICE, and what lies inside the border of a PAD. */
#include <string.h>

#include "walk.h"

void harmcu_copy(const harmcu_walk *walk, const int8_t *input, int8_t *output) {
    const int32_t size = walk->size[HARMCU_ROW];
    const int32_t from_step = walk->first[HARMCU_ROW];
    const int32_t to_step = walk->second[HARMCU_ROW];
    harmcu_row row = {{0}, 0, 0};
    do {
        const int8_t *from = input + row.first;
        int8_t *to = output + row.second;
        if (from_step == 1 && to_step == 1) {
            memcpy(to, from, (size_t)size);
            continue;
        }
        for (int32_t i = 0; i < size; i++) {
            to[i * to_step] = from[i * from_step];
        }
    } while (harmcu_next_row(walk, &row));
}
