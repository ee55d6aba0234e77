"""The page for browsers: one document, which a script keeps up to date."""
