"""HTTP: routes, request bodies, responses, limits, and the page."""
