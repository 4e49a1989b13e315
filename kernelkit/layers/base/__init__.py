"""What every layer does: finding its parts, understanding a call, inferring shapes."""
