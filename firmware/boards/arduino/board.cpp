/* Boards with Arduino's core for Mbed OS: the port is the USB serial port, ticks are micros().
 *
 * Serial stands for _SerialUSB, but lacks the ways to write to it that do not wait for the host. */
#include "harmcu/board.h"

#include <Arduino.h>
#include <USB/PluggableUSBSerial.h>

#include "board_name.h"
#include "harmcu/session.h"
#include "imu_begin.h"
#include "sketch.h"

/* Lines wait here until the port takes them. */
static const size_t QUEUE_BYTES = 1024;

/* Full packets of 64 bytes would leave the host waiting for more. */
static const uint32_t PACKET_BYTES = 63;

/* A host that reads takes a packet within a millisecond or two. One that has taken nothing for so
 * long does not listen, and until it does, nothing waits for it. */
static const uint32_t PATIENCE_MICROS = 20000;

static const uint32_t BLINK_MICROS = 100000;

static struct {
    uint8_t queue[QUEUE_BYTES];
    size_t first;
    size_t size;
    bool is_deaf;
} port;

static harmcu_reaction react;
static uint32_t blink_start;

void harmcu_begin(harmcu_reaction reaction) {
    react = reaction;
    harmcu_board_init();
    harmcu_session_start();
}

void harmcu_update() {
    harmcu_session_poll();
    harmcu_board_idle();
}

void harmcu_board_init(void) {
    pinMode(LED_BUILTIN, OUTPUT);
    Serial.begin(115200);
    harmcu_imu_begin();
}

const char *harmcu_board_name(void) {
    return HARMCU_BOARD_NAME;
}

/* Hands the queue's oldest bytes to the port, as many as it takes without waiting. Serial.write()
 * would wait for the host; send_nb() is what it calls inside (USBCDC.h of the core). */
static bool hand_over() {
    bool moved = false;
    uint32_t taken = 1;
    while (port.size > 0 && taken > 0) {
        const size_t until_end = QUEUE_BYTES - port.first;
        const size_t together = port.size < until_end ? port.size : until_end;
        const uint32_t packet = together < PACKET_BYTES ? (uint32_t)together : PACKET_BYTES;
        _SerialUSB.send_nb(&port.queue[port.first], packet, &taken, true);
        port.first = (port.first + taken) % QUEUE_BYTES;
        port.size -= taken;
        moved = moved || taken > 0;
    }
    port.is_deaf = port.is_deaf && !moved;
    return moved;
}

static bool makes_room(size_t size) {
    uint32_t start = micros();
    while (QUEUE_BYTES - port.size < size) {
        if (hand_over()) {
            start = micros();
        } else if (port.is_deaf || micros() - start > PATIENCE_MICROS) {
            port.is_deaf = true;
            return false;
        }
    }
    return true;
}

void harmcu_board_write(const char *data, size_t size) {
    if (!_SerialUSB.connected()) {
        port.size = 0; /* what the last host has not taken, the next one must not find */
        return;
    }
    if (!makes_room(size)) {
        return;
    }
    for (size_t i = 0; i < size; ++i) {
        port.queue[(port.first + port.size++) % QUEUE_BYTES] = (uint8_t)data[i];
    }
    hand_over();
}

harmcu_read_result harmcu_board_read(uint8_t *byte) {
    const int got = Serial.available() > 0 ? Serial.read() : -1;
    if (got < 0) {
        return HARMCU_READ_EMPTY;
    }
    *byte = (uint8_t)got;
    return HARMCU_READ_BYTE;
}

void harmcu_board_idle(void) {
    hand_over();
    if (blink_start != 0 && micros() - blink_start > BLINK_MICROS) {
        digitalWrite(LED_BUILTIN, LOW);
        blink_start = 0;
    }
    if (Serial.available() == 0) {
        delay(1); /* the core sleeps */
    }
}

uint32_t harmcu_board_ticks(void) {
    return micros();
}

uint32_t harmcu_board_tick_hz(void) {
    return 1000000U;
}

void harmcu_board_show(const char *label, uint8_t percent, bool is_new) {
    if (!is_new) {
        return;
    }
    digitalWrite(LED_BUILTIN, HIGH);
    blink_start = micros() | 1U; /* 0 means that it does not blink */
    if (react != nullptr) {
        react(label, percent / 100.0F);
    }
}
