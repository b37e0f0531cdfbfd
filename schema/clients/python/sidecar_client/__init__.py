"""Client for sim-sidecar: starts the process, calls its methods and receives its events.

It needs the standard library only; `sidecar_client.aio` has the same for asyncio:

    with Supervisor("app.db") as supervisor:
        saved = supervisor.client.workflows.save(workflow={"name": "Hello", "data": {}})
        print(saved["id"])
"""

from .contract import *  # noqa: F403 - its __all__ names the types and errors of the contract
from .errors import UNSET as UNSET
from .errors import CallTimeout as CallTimeout
from .errors import ClientError as ClientError
from .errors import ConnectionLost as ConnectionLost
from .errors import CrashLoop as CrashLoop
from .errors import SidecarError as SidecarError
from .errors import StartFailed as StartFailed
from .errors import Unset as Unset
from .following import Stale as Stale
from .following import catch_up as catch_up
from .methods import Client as Client
from .pending import Pending as Pending
from .supervisor import Supervisor as Supervisor
from .supervisor import find_command as find_command
from .wire import Wire as Wire
