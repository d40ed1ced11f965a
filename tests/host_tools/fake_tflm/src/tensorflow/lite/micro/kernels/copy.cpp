/* The kernel for every core, which the one in cmsis_nn/ stands in for; here, it is wrong. */
#include <string.h>

#include "tensorflow/lite/micro/micro_interpreter.h"

void copy_values(const TfLiteTensor &, TfLiteTensor *target) {
    memset(target->data.int8, 0, target->bytes);
}
