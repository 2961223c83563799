"""What bureaus are told: one rule of disclosure, for their feeds and for what they read of a household's story."""
