"""The outer shell: lines, envelopes and their order; knows no workflow.

`loop` drives everything; below it `dispatcher` turns one line into one typed call, `workers`
runs long methods, `outbox` keeps what is to be written, `watchdog` owns what a stuck handler
could prevent; at the bottom `envelope` knows JSON-RPC and `stdio` knows descriptors.
"""
