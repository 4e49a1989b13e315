"""Images made ready for a model, and made different each time they are seen: resizing, warping, colors, mixing."""
