"""The courier: a short-lived process that carries objects to a remote and back.

It is the only part of the program that connects to another machine, and the only one that imports
`obstore`. The serving process starts it with a cleaned environment
(`own_command.courier_environment`), and sends it the place and the requests on its stdin. It has
no key and sees sealed bytes only. It ends when its stdin does.

A remote that is a folder needs no library: files are written under another name, synced, and get
their name by a link, which fails where the name is taken.
"""

from sidecar.courier.serve import run

__all__ = ["run"]
