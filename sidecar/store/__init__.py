"""Everything that is stored, and the only SQL of the product.

`open_close` opens the file at a path: `preflight` examines it, `migrations` and `legacy` bring it
up to date, and `connection` holds the shared connection and its transactions. `swap` replaces the
file by another one. The packages and modules that are named for a noun have the statements for
its tables, each as a function named for what it does; they do not import each other. `tables`
states for every table what copies, restores and checks do with it, and `codec` packs bodies.
Nothing here knows the wire.
"""
