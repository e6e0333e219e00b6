"""The attacks: what a hostile client sends, and what must hold.

Each takes a scale: 1 is the size that was found to break an endpoint, less is a short form.
"""

from __future__ import annotations

from crosscloud_mnist.serving.http.connections import MAX_CONNECTIONS
from rehearsal.attacks import access, connections, memory
from rehearsal.attacks.target import Attack, Target

__all__ = ["ATTACKS", "Attack", "Target"]

ATTACKS = [
    Attack("trailers without an end", memory.endless_trailers),
    Attack("a token in a trailer", access.token_in_trailer),
    Attack("thousands of headers on each of many connections", memory.many_headers),
    Attack("bodies of 16 MiB, held", memory.held_bodies),
    Attack("requests without an end behind unread responses", memory.pipelined_requests),
    Attack("bodies of 16 MiB that are slow to decode", memory.slow_decodes),
    Attack("connections that never read their responses", connections.unread_responses),
    Attack(f"{MAX_CONNECTIONS + 5} idle connections", connections.idle_connections),
    Attack("slow clients", connections.slow_clients),
    Attack("hostile image files", memory.hostile_uploads),
    Attack("foreign, missing and double Host headers", access.foreign_hosts),
    Attack("wrong tokens, cross-site forms", access.wrong_tokens),
    Attack("malformed requests", access.malformed_requests),
]
