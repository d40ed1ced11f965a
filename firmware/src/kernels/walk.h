/* Steps through a harmcu_walk, row by row: a row is its innermost loop. */
#ifndef HARMCU_KERNELS_WALK_H
#define HARMCU_KERNELS_WALK_H

#include <stdbool.h>

#include "harmcu/kernels.h"

enum { HARMCU_ROW = HARMCU_AXES - 1 };

/* Where the row begins in the first and in the second array; all zero for the first row. */
typedef struct {
    int32_t turn[HARMCU_ROW];
    int32_t first;
    int32_t second;
} harmcu_row;

/* Moves on to the next row; false after the last. */
static inline bool harmcu_next_row(const harmcu_walk *walk, harmcu_row *row) {
    for (int32_t axis = HARMCU_ROW - 1; axis >= 0; axis--) {
        row->first += walk->first[axis];
        row->second += walk->second[axis];
        row->turn[axis]++;
        if (row->turn[axis] < walk->size[axis]) {
            return true;
        }
        row->turn[axis] = 0;
        row->first -= walk->size[axis] * walk->first[axis];
        row->second -= walk->size[axis] * walk->second[axis];
    }
    return false;
}

#endif
