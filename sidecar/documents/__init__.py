"""Reads workflows that come from elsewhere: files, folders and archives, of any tool or none.

What is read was made by others and may be made to do harm. Nothing here writes a file, follows a
link or opens a name that an archive gives. A file that cannot be read is refused alone, with a
reason; the others come in.

- `files`: finds the files of a path and reads them.
- `archive`: finds the files in a zip archive and unpacks them, one at a time.
- `decode`: returns the JSON texts that a file has, byte for byte where it is JSON.
- `yaml_text`: turns YAML into JSON.
- `large_envelope`: reads an export that is too large for memory, item by item.
- `split`: finds the documents in a JSON text, with what they say of themselves.
"""
