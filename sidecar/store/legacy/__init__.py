"""Import of legacy files: the databases of the customer's first program.

The first program was a desktop app written in Rust. It kept everything in one SQLite file of five
tables (workflows, runs, settings, secrets, access_log). Its design document,
`v2-database-design.md`, describes the file: bodies and summaries as gzip-compressed JSON, times
in seconds, secrets sealed by Tauri Stronghold. A legacy file carries no mark of its own
(no `application_id`, no `user_version`), so it is recognised by the shape of its tables and then
replaced by a new file that holds everything the old one held.

- `recognise`: decides whether a file is a legacy file.
- `migrate`: builds the new file and puts it in the place of the old one.
- `values`: converts single values (times, tags, bodies, settings) and never fails.
"""
