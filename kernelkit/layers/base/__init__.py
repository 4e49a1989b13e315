"""The machinery of every layer: finding its parts, binding the arguments of a call, inferring shapes."""
