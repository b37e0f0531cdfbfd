"""The client and the supervisor for asyncio."""

from .asyncio_methods import AsyncClient
from .asyncio_supervisor import AsyncSupervisor

__all__ = ["AsyncClient", "AsyncSupervisor"]
