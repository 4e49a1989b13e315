"""Texts on the boxes of a diagram, and their widths."""

from __future__ import annotations

import unicodedata

# Letter widths in a sans-serif font, as shares of the font size.
_NARROW = frozenset("fijlrt.,:;'|!()[]{} I·")
_WIDE = frozenset("mwMW@%—→")


def text_width(text: str, size: float = 12.0) -> float:
    """Return the approximate width of a text in pixels.

    Example:
        >>> text_width("dense") > text_width("till")
        True
    """
    total = 0.0
    for letter in text:
        if letter in _NARROW:
            total += 0.36
        elif letter in _WIDE:
            total += 0.95
        elif ord(letter) > 0x1100 and unicodedata.east_asian_width(letter) in "WF":
            total += 1.0
        else:
            total += 0.68 if letter.isupper() else 0.61
    return total * size


def cut(text: str, most: int = 26) -> str:
    """Shorten a text to at most ``most`` letters. The middle is dropped, because names differ at their ends.

    Example:
        >>> cut("a_very_long_name_of_a_layer_12", 12)
        'a_very…er_12'
    """
    text = "".join(letter if letter.isprintable() else "·" for letter in text)
    if len(text) <= most:
        return text
    left = most // 2
    return f"{text[:left]}…{text[len(text) - (most - left - 1) :]}"


# The family of a layer from its class name: the first matching word decides.
_FAMILIES = (
    ("norm", "Normalization"),
    ("pool", "Pooling"),
    ("conv", "Conv"),
    ("attention", "Attention"),
    ("recurrent", "LSTM GRU RNN Cell Bidirectional TimeDistributed"),
    ("dropout", "Dropout Noise"),
    ("embed", "Embedding Hashing Lookup Vectorization Encoding"),
    ("dense", "Dense"),
    ("activation", "ReLU Relu Softmax Activation Sigmoid Tanh Gelu Silu Elu"),
    ("merge", "Add add Concatenate concatenate Multiply mul Subtract Average Maximum Minimum Dot"),
    ("reshape", "Reshape Flatten Permute Repeat Cropping Padding UpSampling Squeeze Transpose"),
)


def family(title: str) -> str:
    """Return the family of a layer class, which decides its color.

    Example:
        >>> family("BatchNormalization"), family("Conv2D"), family("Own")
        ('norm', 'conv', 'other')
    """
    for name, words in _FAMILIES:
        if any(word in title for word in words.split()):
            return name
    return "other"
