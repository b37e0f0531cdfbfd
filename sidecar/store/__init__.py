"""Everything that is stored, and the only SQL of the product.

`connection` opens and guards the shared connection, `migrations` and `legacy` bring a file up to
date, `swap` replaces it, `codec` packs bodies, and one module a noun holds its statements, each
as a function named for what it does. The nouns never import each other; nothing here knows the
wire. Another engine could one day stand behind the same functions.
"""
