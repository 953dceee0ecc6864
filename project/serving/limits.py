"""How long the web server waits for a client, and how much it takes from one. docs/operations.md says why."""

MEBIBYTE = 1024 * 1024

# --- Seconds ----------------------------------------------------------------------------------------
HEADERS_WITHIN = 10.0  # from the first byte of a request to the end of its headers
REQUEST_WITHIN = 60.0  # from the first byte of a request to the end of its body
IDLE_WITHIN = 30.0  # a kept connection without a request
TAKEN_WITHIN = 30.0  # an answer of which the client has taken nothing for so long
ANSWER_WITHIN = 300.0  # the whole of an answer, from when the client fell behind

# --- Sizes ------------------------------------------------------------------------------------------
LARGEST_HEADERS = 32 * 1024
# Above what a form may hold (DATA_UPLOAD_MAX_MEMORY_SIZE), because that does not count uploaded files.
LARGEST_BODY = 12 * MEBIBYTE
BODY_IN_MEMORY = 128 * 1024  # of one request; the rest goes to a temporary file
ANSWER_IN_MEMORY = 512 * 1024  # of one answer; the rest goes to a temporary file
# A view that streams more than this waits for its client.
ANSWER_AHEAD = 32 * MEBIBYTE
# Of one process. When so many are open, those that kept us waiting longest make room.
CONNECTIONS = 500
