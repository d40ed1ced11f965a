/* As much of Arduino's core as harmcu's sketches use, on QEMU's machine mps2-an386. */
#ifndef ARDUINO_CORE_ARDUINO_H
#define ARDUINO_CORE_ARDUINO_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "USB/PluggableUSBSerial.h"

#define HIGH 1
#define LOW 0
#define OUTPUT 1
#define LED_BUILTIN 13

#define Serial _SerialUSB

unsigned long millis();
unsigned long micros();
void delay(unsigned long milliseconds);
void delayMicroseconds(unsigned int microseconds);
void pinMode(int pin, int mode);
void digitalWrite(int pin, int level);

void setup();
void loop();

#endif
