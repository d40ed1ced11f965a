/* LSM9DS1: 119 Hz, +-4 g, +-2000 degrees a second, as the library Arduino_LSM9DS1 sets it up.
 *
 * Numbers are from the data sheet of the LSM9DS1 (ST, DocID025715). */
#include "sensor.h"

#include <Arduino_LSM9DS1.h>

#include "harmcu/scale.h"

/* OUT_X_G: with both sensors on, a burst from here runs through the gyroscope's and the
 * accelerometer's registers and starts again, one sample of the queue after the other
 * (chapter 3.2). The first bit asks for the register to count up. */
static const uint8_t OUTPUT_BURST = 0x18 | 0x80;
static const uint8_t FIFO_SRC = 0x2F;
static const uint8_t FIFO_SRC_OVERRUN = 0x40;
static const uint8_t FIFO_SRC_UNREAD = 0x3F;

/* 70 mdps a step at +-2000 dps (table 3), in counts of 16.384 a degree a second: 1.14688, as
 * trainer/units.py writes it in fixed point. The library takes 2000/32768 = 61 mdps instead, and
 * reads 13 % too little. */
static const harmcu_scale RATE_SCALE = {18790, 14};

static bool begin() {
    if (!IMU.begin()) {
        return false;
    }
    IMU.setContinuousMode(); /* the queue, 32 samples deep, keeps the newest */
    return true;
}

static bool look(uint32_t *waiting, harmcu_imu_dropped *dropped) {
    uint8_t source = 0;
    if (!sensor_read(LSM9DS1.address, FIFO_SRC, &source, 1)) {
        return false;
    }
    *waiting = source & FIFO_SRC_UNREAD;
    const bool overrun = (source & FIFO_SRC_OVERRUN) != 0;
    *dropped = overrun ? HARMCU_IMU_DROPPED_SOME : HARMCU_IMU_DROPPED_NONE;
    return true;
}

static bool take(uint8_t *data, size_t samples) {
    return sensor_read(LSM9DS1.address, OUTPUT_BURST, data, samples * SENSOR_SAMPLE_BYTES);
}

/* The axes are the sensor's own. +-4 g over 16 bits are 8192 steps a g, which counts are too. */
static void convert(const int16_t raw[6], int16_t counts[6]) {
    for (size_t axis = 0; axis < 3; ++axis) {
        counts[axis] = raw[3 + axis];
        counts[3 + axis] = harmcu_scale_apply(&RATE_SCALE, raw[axis]);
    }
}

const SensorDriver SENSOR = {
    &LSM9DS1,
    &BMI270,
    119000,
    "no IMU answers: this sketch is for the Nano 33 BLE Sense, which has an LSM9DS1",
    "a BMI270 answers, so this is a Nano 33 BLE Sense Rev2: generate with --board nano33ble_rev2",
    begin,
    look,
    take,
    convert,
};
