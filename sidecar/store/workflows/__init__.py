"""The tables of workflows. Every function runs in the caller's transaction; none parses a body.

- `header`: finds one workflow, with or without its body.
- `save`: inserts and updates a workflow.
- `list`: reads pages of workflows in several orders.
- `tags`: counts tags and categories, and lists the workflows that have a tag.
- `delete`: archives and deletes workflows.
- `revisions`: keeps, reads, packs and prunes earlier revisions; `frames` compresses them.
- `unreadable`: finds earlier revisions that are damaged.
"""
