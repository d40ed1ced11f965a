"""Instructions for each turn of a kernel's loops; see codegen/estimate.py."""

# Written by benchmarks/fit_estimate.py.
FACTORS: dict[str, tuple[float, ...]] = {
    "ADD": (26.37, 61.21),
    "AVERAGE_POOL_2D": (57.07, 32.09, 6.30, 0.00, 0.00),
    "CONV_2D": (0.00, 723.61, 115.50, 59.18, 2.84),
    "COPY": (84.27, 0.52),
    "DEPTHWISE_CONV_2D": (295.52, 66.15, 14.01, 135.21, 9.82),
    "FULLY_CONNECTED": (41.18, 48.12, 34.60, 56.99),
    "LOGISTIC": (11.00, 6.00),
    "LSTM": (0.00, 88.57, 196.74, 28.70),
    "LSTM_LONG": (0.00, 99.99, 524.04, 270.58),
    "MAX_POOL_2D": (23.18, 18.95, 11.54, 47.83, 7.35),
    "MEAN": (60.86, 50.02, 1.50),
    "MUL": (28.64, 36.52),
    "REDUCE_MAX": (37.85, 30.02, 8.00),
    "REQUANTIZE": (17.00, 37.00),
    "SOFTMAX": (0.00, 320.59),
    "WALK": (78.62, 51.29, 0.00, 5.44, 0.94),
}
