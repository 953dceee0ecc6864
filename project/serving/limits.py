"""How long the web server waits for a client, and how much data it accepts. See docs/operations.md."""

MEBIBYTE = 1024 * 1024

# --- Seconds ----------------------------------------------------------------------------------------
HEADERS_WITHIN = 10.0  # from the first byte of a request to the end of its headers
REQUEST_WITHIN = 60.0  # from the first byte of a request to the end of its body
UPLOAD_WITHIN = 600.0  # the same for an upload: 50 MB by a slow line
IDLE_WITHIN = 30.0  # an open connection without a request
TAKEN_WITHIN = 30.0  # while the client reads nothing of an answer
ANSWER_WITHIN = 300.0  # from when the client began to fall behind until it has read the whole answer

# --- Sizes ------------------------------------------------------------------------------------------
LARGEST_HEADERS = 32 * 1024
# More than a form may contain (DATA_UPLOAD_MAX_MEMORY_SIZE), because that does not count uploaded files.
LARGEST_BODY = 12 * MEBIBYTE
# The addresses that take a file: the larger body of them, with room for a form around the largest file.
UPLOADS = ("/admin/imports/upload/", "/admin/tools/migration/")
LARGEST_UPLOAD = 64 * MEBIBYTE
BODY_IN_MEMORY = 128 * 1024  # of one request; the rest goes to a temporary file
ANSWER_IN_MEMORY = 512 * 1024  # of one answer; the rest goes to a temporary file
# A view that has streamed this much more than the client has read waits for the client.
ANSWER_AHEAD = 32 * MEBIBYTE
# Connections of one process. When so many are open, those that have waited longest are closed.
CONNECTIONS = 500
