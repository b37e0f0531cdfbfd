"""Moving data between database files: snapshots, examination of foreign files, carrying over."""
