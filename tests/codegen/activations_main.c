/* The activations of the LSTM's gates for every int16 v: sigmoid(v) and tanh(v), in Q3.12, then
 * tanh of 3/4 of v, which is no whole number of steps of Q3.12. */
#include <stdio.h>

#include "lstm.c"

static void write_all(const int16_t *values) {
    fwrite(values, sizeof values[0], UINT16_MAX + 1, stdout);
}

int main(void) {
    static int16_t sigmoid_of[UINT16_MAX + 1];
    static int16_t tangent_of[UINT16_MAX + 1];
    static int16_t tangent_of_parts[UINT16_MAX + 1];
    for (int32_t v = INT16_MIN; v <= INT16_MAX; v++) {
        sigmoid_of[v - INT16_MIN] = (int16_t)sigmoid(v);
        tangent_of[v - INT16_MIN] = (int16_t)tangent(3 * v);
        tangent_of_parts[v - INT16_MIN] = (int16_t)tangent((3 * v + 2) >> 2);
    }
    write_all(sigmoid_of);
    write_all(tangent_of);
    write_all(tangent_of_parts);
    return 0;
}
