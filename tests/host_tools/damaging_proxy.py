"""A bad cable: a socket in front of another one that damages what passes through it."""

import random
import socket
import threading
from types import TracebackType


class DamagingProxy:
    """Flips, drops, repeats and splits bytes in both directions, one in ``every`` on average."""

    def __init__(self, target: str, every: int, seed: int = 1) -> None:
        host, port = target.removeprefix("socket://").split(":")
        self._target = (host, int(port))
        self._every = every
        self._random = random.Random(seed)
        self._server = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self.url = f"socket://127.0.0.1:{self._server.getsockname()[1]}"
        self.damaged = 0

    def __enter__(self) -> "DamagingProxy":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one in [self._server, *self._sockets]:
            one.close()

    def _serve(self) -> None:
        client, _ = self._server.accept()
        board = socket.create_connection(self._target)
        self._sockets = [client, board]
        threading.Thread(target=self._carry, args=(client, board), daemon=True).start()
        self._carry(board, client)

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(64):
                target.sendall(self._damage(data))
        except OSError:
            pass  # the test is over

    def _damage(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if self._random.randrange(self._every):
                out.append(byte)
                continue
            self.damaged += 1
            kind = self._random.choice(["flip", "drop", "repeat", "noise"])
            if kind == "flip":
                out.append(byte ^ (1 << self._random.randrange(8)))
            elif kind == "repeat":
                out += bytes([byte, byte])
            elif kind == "noise":
                out += bytes([byte, self._random.randrange(256)])
        return bytes(out)
