"""From other systems' files to records: strict reading, a declared mapping, and a report that drops nothing. Pure."""
