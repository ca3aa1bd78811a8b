"""The scenes of the gallery, by subject."""
