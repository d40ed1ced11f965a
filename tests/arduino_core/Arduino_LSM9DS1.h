/* The interface of the library Arduino_LSM9DS1, as far as harmcu's driver uses it. */
#ifndef ARDUINO_CORE_LSM9DS1_H
#define ARDUINO_CORE_LSM9DS1_H

#include "Wire.h"

struct LSM9DS1Class {
    int begin(); /* 119 Hz, +-4 g, +-2000 degrees a second; 0 when no sensor answers */
    void setContinuousMode();
};

extern LSM9DS1Class IMU_LSM9DS1;
#define IMU IMU_LSM9DS1

#endif
