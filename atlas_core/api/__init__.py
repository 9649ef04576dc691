"""Atlas's side of the wire: the client, the payloads, and the masking of personal numbers."""
