"""JSON-RPC on stdin and stdout: lines, messages and their order.

`loop` drives the others. `dispatcher` makes one typed call of one line, `workers` run long methods,
`outbox` is the queue of lines to be written, `watchdog` ends a process that a stuck handler would
keep alive. At the bottom `envelope` knows JSON-RPC and `stdio` knows descriptors. Methods are known
only as rows of the catalog.
"""
