/* The interface of the library Arduino_BMI270_BMM150, as far as harmcu's driver uses it. */
#ifndef ARDUINO_CORE_BMI270_H
#define ARDUINO_CORE_BMI270_H

#include "Wire.h"

enum CfgBoshSensor_t { BOSCH_ACCELEROMETER_ONLY, BOSCH_MAGNETOMETER_ONLY, BOSCH_ACCEL_AND_MAGN };

struct BoschSensorClass {
    int begin(CfgBoshSensor_t parts); /* 100 Hz, +-4 g, +-2000 degrees a second */
};

extern BoschSensorClass IMU_BMI270_BMM150;
#define IMU IMU_BMI270_BMM150

#endif
