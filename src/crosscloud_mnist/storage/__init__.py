"""Files on storage: their formats, their names, and how they are written."""
