/* Reads triples of int32 (value, multiplier, shift) and writes the rescaled values. */
#include <stdio.h>

#include "harmcu/fixed_point.h"

int main(void) {
    int32_t triple[3];
    while (fread(triple, sizeof triple, 1, stdin) == 1) {
        const int32_t scaled = harmcu_rescale(triple[0], triple[1], triple[2]);
        fwrite(&scaled, sizeof scaled, 1, stdout);
    }
    return 0;
}
