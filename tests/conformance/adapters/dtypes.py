"""`keras.src.backend.common.dtypes`: the names of dtypes by kind."""

from kernelkit.dtypes import result_type, standardize_dtype  # noqa: F401

BOOL_TYPES = ("bool",)
INT_TYPES = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
FLOAT_TYPES = ("bfloat16", "float16", "float32", "float64")
FLOAT8_TYPES = ("float8_e4m3fn", "float8_e5m2")
COMPLEX_TYPES = ("complex64", "complex128")
ALL_DTYPES = BOOL_TYPES + INT_TYPES + FLOAT_TYPES
# In Keras's order: tests of pairs of dtypes are named after it.
ALLOWED_DTYPES = (*FLOAT_TYPES[1:], *INT_TYPES, "bfloat16", "bool", "string", *FLOAT8_TYPES, *COMPLEX_TYPES)
