/* What only the Arduino core can compile. */
#include <Arduino.h>

extern "C" void DebugLog(const char *text) {
    Serial.print(text);
}
