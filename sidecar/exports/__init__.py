"""Exports to files: workflows in one envelope or as single documents, and shared code of exports.

- `new_file`: creates the file of an export, which gets its name only when it is complete.
- `documents`: reads the workflows of an export, one after the other.
- `credentials`: finds texts in a workflow that look like credentials, and removes them.
- `runs`: reads the run history of a workflow that is exported.
- `envelope`: writes the format `sim-sidecar/1`, which `workflows.import` reads.
- `originals`: writes a zip of documents in the formats of their tools.
- `file_names`: makes file names that every operating system accepts.
"""
