/* The USB serial port: UART 0 of the emulated machine. */
#ifndef ARDUINO_CORE_SERIAL_H
#define ARDUINO_CORE_SERIAL_H

#include <stddef.h>
#include <stdint.h>

namespace arduino {

struct USBSerial {
    void begin(unsigned long baud);
    bool connected();
    int available();
    int read();

    /* Takes as much as fits the packet that is being filled, without waiting. */
    void send_nb(uint8_t *data, uint32_t size, uint32_t *taken, bool now = true);
};

}  // namespace arduino

extern arduino::USBSerial _SerialUSB;

#endif
