"""A courier that ends without a word at its request number N, before or after it is carried out.

python ending_courier.py N before|after
"""

import os
import sys
from typing import Any

from sidecar import courier
from sidecar.courier import serve


def main() -> int:
    """Serve as the real one does, up to the request at which to end."""
    last, when = int(sys.argv[1]), sys.argv[2]
    answer = serve._answer
    count = 0

    def answer_or_end(*given: Any) -> Any:
        nonlocal count
        count += 1
        if count == last and when == "before":
            os._exit(9)
        try:
            return answer(*given)
        finally:
            if count == last:
                os._exit(9)

    serve._answer = answer_or_end  # type: ignore[assignment] # the same params and result
    return courier.run()


if __name__ == "__main__":
    sys.exit(main())
