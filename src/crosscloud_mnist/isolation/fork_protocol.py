"""What a process and its fork server say to each other, each message in a packet of its own.

``start``, with the file descriptors of a worker's two connections and of its error output, is
answered by the process id, in order; ``status PID`` by the exit status, or by ``running``.
"""

START, STATUS, RUNNING = b"start", b"status", b"running"
DESCRIPTORS = 3
MAX_REQUEST_BYTES = 64
