"""The courier: a short-lived process that carries objects to a remote and back.

It is the only part of the program that connects to another machine, and the only one that imports
`obstore`. The serving process starts it with a cleaned environment
(`own_command.courier_environment`), and sends it the place and the requests on its stdin. The
courier has no keys and sees sealed bytes only. It ends when its stdin ends.

A remote that is a folder needs no library: a file is written under a temporary name, synced, and
gets its name by a hard link, which fails when the name is taken.
"""

from sidecar.courier.serve import run

__all__ = ["run"]
