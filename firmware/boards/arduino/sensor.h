/* What a driver gives to imu.cpp: one sensor, read through its queue (FIFO), and how to tell it
 * from the one on the other revision of the board. */
#ifndef HARMCU_SENSOR_H
#define HARMCU_SENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "harmcu/imu.h"

/* Bytes of a sample in the queue: six axes of 16 bits. Both sensors put the angular rate first and
 * the low byte of each value first. */
static const size_t SENSOR_SAMPLE_BYTES = 12;

/* How a sensor is told from others on the bus. */
struct SensorIdentity {
    const char *name;
    uint8_t address;
    uint8_t id_register;
    uint8_t id;
};

/* LSM9DS1 data sheet (DocID025715), table 19 and WHO_AM_I; BMI270 data sheet (BST-BMI270-DS000),
 * CHIP_ID. The addresses are those of the two boards. */
static const SensorIdentity LSM9DS1 = {"LSM9DS1", 0x6B, 0x0F, 0x68};
static const SensorIdentity BMI270 = {"BMI270", 0x68, 0x00, 0x24};

struct SensorDriver {
    const SensorIdentity *self;
    const SensorIdentity *other; /* of the other revision */
    uint32_t rate_millihertz;
    const char *absent_hint;
    const char *other_hint;

    /* Configures the sensor and starts its queue, empty. */
    bool (*begin)();

    /* Says how many samples wait, and whether older ones were dropped. False when the sensor does
     * not answer. */
    bool (*look)(uint32_t *waiting, harmcu_imu_dropped *dropped);

    /* Takes the oldest samples out of the queue. */
    bool (*take)(uint8_t *data, size_t samples);

    /* Turns the six values of a sample, angular rate first, into counts: acceleration first. */
    void (*convert)(const int16_t raw[6], int16_t counts[6]);
};

extern const SensorDriver SENSOR;

/* Both boards have the IMU on Wire1. False when the sensor does not answer. */
bool sensor_read(uint8_t address, uint8_t first_register, uint8_t *data, size_t size);
bool sensor_write(uint8_t address, uint8_t reg, uint8_t value);

#endif
