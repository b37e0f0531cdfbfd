"""Reads workflows to import: files, folders and archives, of any tool or of none.

The input is untrusted and may be malicious. Nothing here writes a file, follows a link or opens a
name from an archive. A file that cannot be read is refused alone, with a reason; the other files
are imported.

- `files`: finds the files of a path and reads them.
- `archive`: finds the files in a zip archive and unpacks them, one at a time.
- `decode`: returns the JSON texts of a file; JSON byte for byte, YAML translated.
- `yaml_text`: turns YAML into JSON.
- `large_envelope`: reads an export that is too large for memory, item by item.
- `split`: finds the documents in a JSON text, with their names and other headers.
"""
