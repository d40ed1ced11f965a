/* The header by which a sketch names the library; as in the original, it wants the core. */
#include <Arduino.h>
