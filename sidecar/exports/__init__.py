"""Exports to files: workflows in an envelope or as single documents, and what all exports share.

- `new_file`: the file of an export, which gets its name only when it is complete.
- `documents`: the workflows that an export is of, one after the other.
- `credentials`: finds what looks like a credential in a workflow, and leaves it out.
- `runs`: the run history of a workflow that is exported with it.
- `envelope`: writes the format `sim-sidecar/1`, which `workflows.import` reads.
- `originals`: writes a zip of documents as their tools read them.
- `file_names`: names that every system takes.
"""
