"""How each peer is driven; its library is imported when a contender opens."""
