/* Stands before the header of that name in Arduino's library, which asks for the Arduino core. */
