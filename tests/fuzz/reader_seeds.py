"""What the fuzzing of readers begins with: one whole input of each kind."""

import json
from pathlib import Path

import cbor2
from made_up_bundle import made_up_model, write_bundle

from host_tools.protocol import Line, encode
from trainer import bundle

ROWS = [[index, 100 - index, 8192, index % 7, -index, 3] for index in range(40)]

DOCUMENT = {
    "protected": {"ver": "v1", "alg": "none", "iat": 1},
    "signature": "0" * 64,
    "payload": {
        "device_type": "NANO33BLE",
        "interval_ms": 10,
        "sensors": [{"name": f"{s}{a}", "units": "m/s2"} for s in ("acc",) for a in "XYZ"],
        "values": [[0.1 * index, 9.81, -1.0] for index in range(40)],
    },
}

HEADER = {
    "schema": 1,
    "label": "walk",
    "subject": "a",
    "board": "none",
    "axes": ["ax", "ay", "az", "gx", "gy", "gz"],
    "rate_hz": 100.0,
}

LINES = [
    Line("STA", 1, ("3", "host", "aot", "m", "ab" * 32, "1000", "classify", "0")),
    Line("LBL", 2, ("0", "2", "go %22out%22")),
    Line("CLS", 3, ("12", "-1", "-128", "99", "gH8A", "")),
    Line("TRC", 4, ("3", "65535", "0")),
    Line("SMP", 5, ("4", "9", "1", "-2", "3", "-32768", "32767", "0")),
    Line("IMU", 6, ("LSM9DS1", "ok", "119000", "118712", "70000", "3", "1")),
    Line("ACK", 7, ("7",)),
    Line("ERR", 8, ("7", "index", "40")),
]


def write(target: str, folder: Path) -> None:
    """Writes the seeds of a target into a folder."""
    folder.mkdir()
    for number, data in enumerate(_seeds(target, folder.with_name("whole"))):
        (folder / str(number)).write_bytes(data)


def _seeds(target: str, path: Path) -> list[bytes]:
    table = "".join(f"{','.join(map(str, row))}\n" for row in ROWS).encode()
    match target:
        case "wire":
            return [encode(line) for line in LINES]
        case "model":
            return [made_up_model(5)]
        case "bundle":
            whole = write_bundle(path).path
            parts = (bundle.SPEC, bundle.GOLDEN, bundle.METRICS, bundle.TFLITE)
            return [bytes([i]) + (whole / part).read_bytes() for i, part in enumerate(parts)]
        case "csv":
            times = "".join(f"{10 * i},{','.join(map(str, r))}\n" for i, r in enumerate(ROWS))
            header = b"aX,aY,aZ,gX,gY,gZ\n"
            return [
                header + table,
                header + table + b"\n" + table,
                b"timestamp,ax,ay,az,gx,gy,gz\r\n" + times.encode().replace(b"\n", b"\r\n"),
                "\ufeffax;ay;az\n1,5;2,25;-0,5\n".encode("utf-16"),
            ]
        case "json":
            return [json.dumps(DOCUMENT).encode()]
        case "cbor":
            return [cbor2.dumps(DOCUMENT)]
        case "recordings":
            rows = "".join(f"{i},{','.join(map(str, row))}\n" for i, row in enumerate(ROWS))
            return [f"harmcu-recording {json.dumps(HEADER)}\n{rows}end {{}}\n".encode()]
        case "toml":
            return [b'[train]\nseed = 3\n[capture]\nlabel = "w"\n[monitor]\nport = "COM3"\n']
    raise ValueError(target)
