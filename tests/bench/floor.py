"""The floor: a bare loop that decodes a line with msgspec and echoes its params.

Nothing that reads lines in Python can be quicker; every figure of the bench is a ratio to it.
"""

import os

import msgspec


class _Request(msgspec.Struct):
    id: int
    params: msgspec.Raw


class _Answer(msgspec.Struct):
    jsonrpc: str
    id: int
    result: msgspec.Raw


def main() -> None:
    """Echo until the end of input."""
    decode = msgspec.json.Decoder(_Request).decode
    encode = msgspec.json.Encoder().encode
    held = b""
    while data := os.read(0, 1 << 20):
        *lines, held = (held + data).split(b"\n")
        answers = []
        for line in lines:
            request = decode(line)
            answers.append(encode(_Answer("2.0", request.id, request.params)) + b"\n")
        out = b"".join(answers)
        while out:
            out = out[os.write(1, out) :]


if __name__ == "__main__":
    main()
