"""What an operation with a key leaves in the registers of its thread."""

import os
import subprocess
import sys

import pytest

from tests.process.child_process import environment
from tests.process.registers import CAN_READ, read_registers

KEY, PLAIN = os.urandom(32), os.urandom(64)

_OPERATIONS = """
import sys
from sidecar.vault import crypto
key, plain = (bytearray.fromhex(each) for each in sys.argv[1:])
nonce, bound = bytes(12), b""
sealed = crypto.seal(bytearray(key), nonce, plain, bound)
for line in sys.stdin:
    exec(line)
    print(flush=True)
"""


@pytest.mark.skipif(not CAN_READ, reason="reads the registers of Linux on x86-64")
def test_no_operation_leaves_its_key_or_its_text_in_a_register() -> None:
    command = [sys.executable, "-c", _OPERATIONS, KEY.hex(), PLAIN.hex()]
    left = {}
    with subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for operation in (
            "crypto.seal(key, nonce, plain, bound)",
            "crypto.unseal(key, nonce, sealed, bound)",
            "crypto.derive(key, bytes(16), 'label')",
            "crypto.sign(key, b'message')",
            "crypto.ChunkCipher(key).seal(nonce, plain)",
            "crypto.exchange_public(key)",
        ):
            child.stdin.write(operation.encode() + b"\n")
            child.stdin.flush()
            child.stdout.readline()
            try:
                registers = b"".join(read_registers(child.pid))
            except PermissionError:
                pytest.skip("only the administrator may read another process's registers; CI is")
            left[operation] = [
                at
                for secret in (KEY, PLAIN)
                for at in range(0, len(secret), 16)
                if secret[at : at + 16] in registers
            ]

    assert left == {operation: [] for operation in left}
