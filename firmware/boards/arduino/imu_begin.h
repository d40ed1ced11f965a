#ifndef HARMCU_IMU_BEGIN_H
#define HARMCU_IMU_BEGIN_H

/* Looks for the IMU and starts it. */
void harmcu_imu_begin();

#endif
