"""Instructions for each turn of a kernel's loops; see codegen/estimate.py."""

# Written by benchmarks/fit_estimate.py.
FACTORS: dict[str, tuple[float, ...]] = {
    "ADD": (26.37, 61.21),
    "AVERAGE_POOL_2D": (57.10, 34.08, 6.30, 0.00, 0.00),
    "CONV_1D": (611.31, 15.89, 135.80, 19.32, 53.39),
    "CONV_2D": (0.00, 705.90, 0.00, 0.00, 20.82),
    "CONV_ROWS": (178.34, 117.90, 57.30, 20.42, 12.73),
    "COPY": (84.27, 0.52),
    "DEPTHWISE_CONV_1D": (221.23, 5.07, 10.80, 22.63, 13.08),
    "DEPTHWISE_CONV_2D": (0.00, 3.20, 28.79, 3.88, 34.90),
    "FULLY_CONNECTED": (38.38, 53.71, 43.25, 30.99),
    "LOGISTIC": (11.00, 6.00),
    "LSTM": (0.00, 88.57, 196.74, 28.70),
    "LSTM_LONG": (0.00, 99.99, 524.04, 270.58),
    "MAX_POOL_2D": (18.31, 3.25, 10.92, 37.54, 5.53),
    "MEAN": (53.86, 57.27, 2.00),
    "MUL": (28.64, 36.52),
    "REDUCE_MAX": (36.85, 29.02, 8.00),
    "REQUANTIZE": (17.00, 37.00),
    "SOFTMAX": (84.33, 325.05),
    "WALK": (78.62, 51.29, 0.00, 5.44, 0.94),
}
