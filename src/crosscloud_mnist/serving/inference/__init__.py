"""The served model, and how requests are batched."""
