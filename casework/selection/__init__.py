"""Selection rounds over frozen figures."""
